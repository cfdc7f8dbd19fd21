// The forward convolution and its adjoint. An output row is a line of (z, t) positions; a tile of
// output channels x positions stays in registers while all taps of all input rows pass. Rows that
// lie outside in x or y are skipped, not multiplied by zero.
#include "conv4d_layout.hpp"
#include "conv4d_simd.hpp"
#include "engrain/parallel.hpp"

namespace engrain::conv4d {
namespace {

// What one pass needs to know; the adjoint differs from the forward in its axes and weights only.
struct Plan {
    int64_t batch, groups, in_group, out_group;
    Axis x, y;
    RowLayout rows;
    Units units;
    int64_t depth;

    Plan(const Conv4dGeometry& g, const Axis* axis, int64_t in_channels, int64_t out_channels)
        : batch(g.batch),
          groups(g.groups),
          in_group(in_channels / g.groups),
          out_group(out_channels / g.groups),
          x(axis[0]),
          y(axis[1]),
          rows(axis[2], axis[3]),
          units(g.batch, axis[0].out),
          depth(slab_depth(units, x)) {}
    int64_t row_taps() const { return in_group * x.kernel * y.kernel; }
    int64_t weights() const { return groups * out_group * row_taps() * rows.taps(); }
    int64_t products() const {
        return batch * x.out * y.out * rows.line * row_taps() * rows.taps() * groups * out_group;
    }
    int64_t buffer() const { return groups * in_group * depth * y.in * rows.length; }
};

Plan forward_plan(const Conv4dGeometry& g) {
    Axis axis[4];
    for (int i = 0; i < 4; ++i) {
        const ConvAxis& a = g.axis[i];
        axis[i] = {a.in, a.out, a.kernel, a.stride, a.dilation, a.pad, 1};
    }
    return Plan(g, axis, g.in_channels, g.out_channels);
}

Plan adjoint_plan(const Conv4dGeometry& g) {
    Axis axis[4];
    for (int i = 0; i < 4; ++i) {
        const ConvAxis& a = g.axis[i];
        axis[i] = {a.out,   a.in, a.kernel, 1, a.dilation, (a.kernel - 1) * a.dilation - a.pad,
                   a.stride};
    }
    return Plan(g, axis, g.out_channels, g.in_channels);
}

// An input row under one tap (channel, kx, ky), and where the weights of that tap begin.
template <class R>
struct RowTap {
    const R* row;
    const R* weight;
};

template <class R>
struct Scratch {
    R* buffer;
    R* lines;
    RowTap<R>* taps;
    int64_t* offsets;

    static size_t bytes(const Plan& p) {
        return aligned(sizeof(R) * size_t(p.buffer())) +
               aligned(sizeof(R) * size_t(8 * p.rows.padded_line())) +
               aligned(sizeof(RowTap<R>) * size_t(p.row_taps())) +
               aligned(sizeof(int64_t) * size_t(p.rows.taps()));
    }
    Scratch(const Plan& p, std::byte* memory) {
        buffer = reinterpret_cast<R*>(memory);
        memory += aligned(sizeof(R) * size_t(p.buffer()));
        lines = reinterpret_cast<R*>(memory);
        memory += aligned(sizeof(R) * size_t(8 * p.rows.padded_line()));
        taps = reinterpret_cast<RowTap<R>*>(memory);
        memory += aligned(sizeof(RowTap<R>) * size_t(p.row_taps()));
        offsets = reinterpret_cast<int64_t*>(memory);
    }
    void prepare(const Plan& p) const {
        std::memset(static_cast<void*>(buffer), 0, sizeof(R) * size_t(p.buffer()));
        for (int64_t k = 0; k < p.rows.taps(); ++k)
            offsets[k] = p.rows.offset(k / p.rows.t.kernel, k % p.rows.t.kernel);
    }
};

// Output channels of a group are worked on `widest`, then 4, 2 and 1 at a time.
int64_t outs_at(int64_t left, int64_t widest) {
    return left >= widest ? widest : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

// Weights in the order in which the tiles read them: group, block of outputs, channel, kx, ky, kz,
// kt, output. The adjoint swaps the channels and turns the kernel round.
template <class R>
void pack_weights(const Plan& p, int64_t widest, const R* weight, bool adjoint, R* packed) {
    const int64_t taps = p.x.kernel * p.y.kernel * p.rows.taps();
    for (int64_t g = 0; g < p.groups; ++g)
        for (int64_t o = 0, outs = 0; o < p.out_group; o += outs) {
            outs = outs_at(p.out_group - o, widest);
            for (int64_t c = 0; c < p.in_group; ++c)
                for (int64_t k = 0; k < taps; ++k)
                    for (int64_t i = o; i < o + outs; ++i)
                        *packed++ =
                            adjoint ? weight[((g * p.in_group + c) * p.out_group + i) * taps +
                                             taps - 1 - k]
                                    : weight[((g * p.out_group + i) * p.in_group + c) * taps + k];
        }
}

template <class R, int Bytes, int Outs, int Vecs>
ENGRAIN_INLINE void tile(const RowTap<R>* rows, int64_t n_rows, const int64_t* offsets,
                         int64_t taps, int64_t position, R* lines, int64_t stride) {
    using V = typename Vector<R, Bytes>::type;
    using Loose = typename Vector<R, Bytes>::loose;
    constexpr int width = Bytes / int(sizeof(R));
    V sum[Outs][Vecs] = {};
    for (int64_t r = 0; r < n_rows; ++r) {
        const R* row = rows[r].row + position;
        const R* weight = rows[r].weight;
        for (int64_t k = 0; k < taps; ++k, weight += Outs) {
            const R* from = row + offsets[k];
            V value[Vecs];
            ENGRAIN_UNROLL
            for (int v = 0; v < Vecs; ++v) value[v] = *(const Loose*)(from + v * width);
            ENGRAIN_UNROLL
            for (int o = 0; o < Outs; ++o) {
                const V w = weight[o] - V{};
                ENGRAIN_UNROLL
                for (int v = 0; v < Vecs; ++v) sum[o][v] += w * value[v];
            }
        }
    }
    ENGRAIN_UNROLL
    for (int o = 0; o < Outs; ++o) {
        ENGRAIN_UNROLL
        for (int v = 0; v < Vecs; ++v)
            *(Loose*)(lines + o * stride + position + v * width) = sum[o][v];
    }
}

template <class R, int Bytes, int Outs, int Vecs>
ENGRAIN_INLINE void sweep(const Plan& p, const Scratch<R>& s, int64_t n_rows) {
    constexpr int64_t width = Bytes / int64_t(sizeof(R));
    const int64_t taps = p.rows.taps(), stride = p.rows.padded_line();
    int64_t j = 0;
    for (; j + (Vecs - 1) * width < p.rows.line; j += Vecs * width)
        tile<R, Bytes, Outs, Vecs>(s.taps, n_rows, s.offsets, taps, j, s.lines, stride);
    for (; j < p.rows.line; j += width)
        tile<R, Bytes, Outs, 1>(s.taps, n_rows, s.offsets, taps, j, s.lines, stride);
}

// Register tiles by width: 32 registers hold 16 sums, 16 registers hold 8 to 12.
template <class R, int Bytes>
ENGRAIN_INLINE void sweep_outs(const Plan& p, const Scratch<R>& s, int64_t n_rows, int64_t outs) {
    if constexpr (Bytes == 64)
        if (outs == 8) return sweep<R, Bytes, 8, 2>(p, s, n_rows);
    if (outs == 4) return sweep<R, Bytes, 4, Bytes == 64 ? 4 : Bytes == 32 ? 3 : 2>(p, s, n_rows);
    if (outs == 2) return sweep<R, Bytes, 2, 4>(p, s, n_rows);
    sweep<R, Bytes, 1, 4>(p, s, n_rows);
}

// The taps of output row (ox, oy) that fall inside the input, for a block of `outs` channels.
template <class R>
int64_t gather_taps(const Plan& p, const Slab& slab, int64_t group, int64_t ox, int64_t oy,
                    const R* weight, int64_t outs, const Scratch<R>& s) {
    int64_t n = 0;
    for (int64_t c = 0; c < p.in_group; ++c)
        for (int64_t kx = 0; kx < p.x.kernel; ++kx) {
            const int64_t ix = p.x.source(ox, kx);
            if (ix < 0) continue;
            const int64_t plane = ((group * p.in_group + c) * p.depth + ix - slab.first) * p.y.in;
            for (int64_t ky = 0; ky < p.y.kernel; ++ky) {
                const int64_t iy = p.y.source(oy, ky);
                if (iy < 0) continue;
                const int64_t tap = (c * p.x.kernel + kx) * p.y.kernel + ky;
                s.taps[n++] = {s.buffer + (plane + iy) * p.rows.length,
                               weight + tap * p.rows.taps() * outs};
            }
        }
    return n;
}

template <class Stored, class R>
void store_lines(const Plan& p, int64_t sample, int64_t channel, int64_t outs, int64_t ox,
                 int64_t oy, const R* __restrict lines, const R* bias, Stored* __restrict out) {
    const Axis &z = p.rows.z, &t = p.rows.t;
    const int64_t channels = p.groups * p.out_group;
    for (int64_t o = 0; o < outs; ++o) {
        Stored* target = out + (((sample * channels + channel + o) * p.x.out + ox) * p.y.out + oy) *
                                   z.out * t.out;
        const R* __restrict line = lines + o * p.rows.padded_line();
        const R shift = bias != nullptr ? bias[channel + o] : R(0);
        for (int64_t i = 0; i < z.out; ++i)
            for (int64_t k = 0; k < t.out; ++k)
                from_real(line[i * p.rows.row + k] + shift, target[i * t.out + k]);
    }
}

template <class Stored, class R>
void fill_slab(const Plan& p, const Slab& slab, const Stored* x, const Scratch<R>& s) {
    const int64_t channels = p.groups * p.in_group, plane = p.rows.z.in * p.rows.t.in;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t ix = slab.first; ix <= slab.last; ++ix)
            for (int64_t iy = 0; iy < p.y.in; ++iy)
                fill_row(
                    p.rows,
                    x + (((slab.sample * channels + c) * p.x.in + ix) * p.y.in + iy) * plane,
                    s.buffer + ((c * p.depth + ix - slab.first) * p.y.in + iy) * p.rows.length);
}

template <class Stored, class R, int Bytes>
ENGRAIN_INLINE void convolve_slab(const Plan& p, const Slab& slab, const R* packed, const R* bias,
                                  Stored* out, const Scratch<R>& s) {
    const int64_t widest = widest_tile(Bytes), per_out = p.row_taps() * p.rows.taps();
    for (int64_t ox = slab.begin; ox < slab.end; ++ox)
        for (int64_t oy = 0; oy < p.y.out; ++oy)
            for (int64_t g = 0; g < p.groups; ++g)
                for (int64_t o = 0, outs = 0; o < p.out_group; o += outs) {
                    outs = outs_at(p.out_group - o, widest);
                    const int64_t channel = g * p.out_group + o;
                    const int64_t n =
                        gather_taps(p, slab, g, ox, oy, packed + channel * per_out, outs, s);
                    sweep_outs<R, Bytes>(p, s, n, outs);
                    store_lines(p, slab.sample, channel, outs, ox, oy, s.lines, bias, out);
                }
}

#define ENGRAIN_CONV_SLAB(name, target, bytes)                                                \
    template <class Stored>                                                                   \
    target void name(const Plan& p, const Slab& slab, const Real<Stored>* packed,             \
                     const Real<Stored>* bias, Stored* out, const Scratch<Real<Stored>>& s) { \
        convolve_slab<Stored, Real<Stored>, bytes>(p, slab, packed, bias, out, s);            \
    }
ENGRAIN_CONV_SLAB(slab_baseline, , 16)
#if ENGRAIN_X86
ENGRAIN_CONV_SLAB(slab_avx2, ENGRAIN_AVX2_FMA, 32)
ENGRAIN_CONV_SLAB(slab_avx512, ENGRAIN_AVX512_FMA, 64)
#endif

template <class Stored>
auto choose_slab(int bytes) {
#if ENGRAIN_X86
    if (bytes == 64) return &slab_avx512<Stored>;
    if (bytes == 32) return &slab_avx2<Stored>;
#endif
    return &slab_baseline<Stored>;
}

template <class Stored>
size_t workspace(const Plan& p, size_t threads) {
    using R = Real<Stored>;
    return aligned(sizeof(R) * size_t(p.weights())) +
           std::min(threads, max_threads) * Scratch<R>::bytes(p);
}

template <class Stored>
void convolve(const Plan& p, const Stored* x, const Real<Stored>* weight, bool adjoint,
              const Real<Stored>* bias, Stored* out, void* memory, size_t threads) {
    using R = Real<Stored>;
    const int bytes = register_bytes();
    R* packed = static_cast<R*>(memory);
    pack_weights(p, widest_tile(bytes), weight, adjoint, packed);
    std::byte* scratch = static_cast<std::byte*>(memory) + aligned(sizeof(R) * size_t(p.weights()));
    const auto slab_kernel = choose_slab<Stored>(bytes);
    bool ready[max_threads] = {};
    run_tasks(size_t(p.units.count), useful_threads(p.products(), threads),
              [&](size_t unit, size_t thread) {
                  const Scratch<R> s(p, scratch + thread * Scratch<R>::bytes(p));
                  if (!ready[thread]) s.prepare(p);
                  ready[thread] = true;
                  const Slab slab(p.units, p.x, int64_t(unit));
                  fill_slab(p, slab, x, s);
                  slab_kernel(p, slab, packed, bias, out, s);
              });
}

}  // namespace
}  // namespace engrain::conv4d

namespace engrain {

using std::size_t;

template <class Stored>
size_t conv4d_forward_workspace(const Conv4dGeometry& shape, size_t threads) noexcept {
    return conv4d::workspace<Stored>(conv4d::forward_plan(shape), threads);
}

template <class Stored>
size_t conv4d_grad_input_workspace(const Conv4dGeometry& shape, size_t threads) noexcept {
    return conv4d::workspace<Stored>(conv4d::adjoint_plan(shape), threads);
}

template <class Stored>
void conv4d_forward(const Conv4dGeometry& shape, const Stored* x, const Real<Stored>* weight,
                    const Real<Stored>* bias, Stored* out, void* workspace,
                    size_t threads) noexcept {
    conv4d::convolve(conv4d::forward_plan(shape), x, weight, false, bias, out, workspace, threads);
}

template <class Stored>
void conv4d_grad_input(const Conv4dGeometry& shape, const Stored* grad_out,
                       const Real<Stored>* weight, Stored* grad_x, void* workspace,
                       size_t threads) noexcept {
    const Real<Stored>* no_bias = nullptr;
    conv4d::convolve(conv4d::adjoint_plan(shape), grad_out, weight, true, no_bias, grad_x,
                     workspace, threads);
}

#define ENGRAIN_INSTANTIATE(S)                                                                     \
    template size_t conv4d_forward_workspace<S>(const Conv4dGeometry&, size_t) noexcept;           \
    template size_t conv4d_grad_input_workspace<S>(const Conv4dGeometry&, size_t) noexcept;        \
    template void conv4d_forward<S>(const Conv4dGeometry&, const S*, const Real<S>*,               \
                                    const Real<S>*, S*, void*, size_t) noexcept;                   \
    template void conv4d_grad_input<S>(const Conv4dGeometry&, const S*, const Real<S>*, S*, void*, \
                                       size_t) noexcept;
ENGRAIN_INSTANTIATE(float)
ENGRAIN_INSTANTIATE(double)
ENGRAIN_INSTANTIATE(Bf16)

}  // namespace engrain
