// The weight gradient. For one tap, dw[o] is the inner product of the output gradient of channel o
// with the input shifted by the tap. A tile of output channels x taps of lane sums stays in
// registers along a stretch of several rows; the stretch is as long as the gradients fit in L1.
#include "conv4d_layout.hpp"
#include "conv4d_simd.hpp"
#include "engrain/parallel.hpp"

namespace engrain::conv4d {
namespace {

constexpr int64_t stretch_bytes = 24 * 1024;

struct WeightPlan {
    int64_t groups, in_group, out_group;
    Axis x, y;
    RowLayout rows;
    Units units;
    int64_t depth;

    explicit WeightPlan(const Conv4dGeometry& g)
        : groups(g.groups),
          in_group(g.in_channels / g.groups),
          out_group(g.out_channels / g.groups),
          x(axis(g, 0)),
          y(axis(g, 1)),
          rows(axis(g, 2), axis(g, 3)),
          units(g.batch, g.axis[0].out),
          depth(slab_depth(units, x)) {}
    static Axis axis(const Conv4dGeometry& g, int i) {
        const ConvAxis& a = g.axis[i];
        return {a.in, a.out, a.kernel, a.stride, a.dilation, a.pad, 1};
    }
    int64_t in_channels() const { return groups * in_group; }
    int64_t out_channels() const { return groups * out_group; }
    int64_t row_taps() const { return x.kernel * y.kernel; }
    int64_t weights() const { return out_channels() * in_group * row_taps() * rows.taps(); }
    int64_t products() const { return units.count * units.size * y.out * rows.line * weights(); }
    int64_t input_size() const { return in_channels() * depth * y.in * rows.length; }
    int64_t line() const { return rows.padded_line(); }
    int64_t grad_size() const { return out_channels() * y.out * line(); }
};

template <class R>
struct WeightScratch {
    R* input;  // (channel, x, y) padded rows of a slab
    R* grad;   // (channel, y) lines of one output x, zero in the gaps
    R* lanes;  // (weight, lane) sums, weights as (group, c, kx, ky, tap, output)
    int64_t* offsets;

    static constexpr int64_t max_lanes = 64 / int64_t(sizeof(R));

    static size_t bytes(const WeightPlan& p) {
        return aligned(sizeof(R) * size_t(p.input_size())) +
               aligned(sizeof(R) * size_t(p.grad_size())) +
               aligned(sizeof(R) * size_t(p.weights() * max_lanes)) +
               aligned(sizeof(int64_t) * size_t(p.rows.taps()));
    }
    WeightScratch(const WeightPlan& p, std::byte* memory) {
        input = reinterpret_cast<R*>(memory);
        memory += aligned(sizeof(R) * size_t(p.input_size()));
        grad = reinterpret_cast<R*>(memory);
        memory += aligned(sizeof(R) * size_t(p.grad_size()));
        lanes = reinterpret_cast<R*>(memory);
        memory += aligned(sizeof(R) * size_t(p.weights() * max_lanes));
        offsets = reinterpret_cast<int64_t*>(memory);
    }
    void prepare(const WeightPlan& p) const {
        std::memset(static_cast<void*>(input), 0, sizeof(R) * size_t(p.input_size()));
        std::memset(static_cast<void*>(grad), 0, sizeof(R) * size_t(p.grad_size()));
        for (int64_t k = 0; k < p.rows.taps(); ++k)
            offsets[k] = p.rows.offset(k / p.rows.t.kernel, k % p.rows.t.kernel);
    }
};

// Rows [0, count) x positions [begin, end) of one output x, seen from one row tap.
template <class R>
struct Stretch {
    const R *input, *grad;
    int64_t count, input_step, grad_step, begin, end;
};

template <class R, int Bytes, int Outs, int Taps>
ENGRAIN_INLINE void accumulate(const Stretch<R>& s, const int64_t* offsets, int64_t grad_channel,
                               int64_t outs, R* lanes) {
    using V = typename Vector<R, Bytes>::type;
    using Loose = typename Vector<R, Bytes>::loose;
    constexpr int64_t width = Bytes / int64_t(sizeof(R));
    V sum[Outs][Taps];
    ENGRAIN_UNROLL
    for (int i = 0; i < Outs * Taps; ++i)
        sum[i / Taps][i % Taps] = *(const Loose*)(lanes + (i % Taps * outs + i / Taps) * width);
    for (int64_t i = 0; i < s.count; ++i) {
        const R* input = s.input + i * s.input_step;
        const R* grad = s.grad + i * s.grad_step;
        for (int64_t j = s.begin; j < s.end; j += width) {
            V value[Taps];
            ENGRAIN_UNROLL
            for (int k = 0; k < Taps; ++k) value[k] = *(const Loose*)(input + offsets[k] + j);
            ENGRAIN_UNROLL
            for (int o = 0; o < Outs; ++o) {
                const V g = *(const Loose*)(grad + o * grad_channel + j);
                ENGRAIN_UNROLL
                for (int k = 0; k < Taps; ++k) sum[o][k] += g * value[k];
            }
        }
    }
    ENGRAIN_UNROLL
    for (int i = 0; i < Outs * Taps; ++i)
        *(Loose*)(lanes + (i % Taps * outs + i / Taps) * width) = sum[i / Taps][i % Taps];
}

template <class R, int Bytes, int Outs>
ENGRAIN_INLINE void accumulate_taps(const Stretch<R>& s, const WeightPlan& p,
                                    const int64_t* offsets, R* lanes) {
    constexpr int at_once = Bytes == 64 || Outs < 4 ? 3 : 2;
    constexpr int64_t width = Bytes / int64_t(sizeof(R));
    const int64_t taps = p.rows.taps(), channel = p.y.out * p.line(), outs = p.out_group;
    int64_t k = 0;
    for (; k + at_once <= taps; k += at_once)
        accumulate<R, Bytes, Outs, at_once>(s, offsets + k, channel, outs,
                                            lanes + k * outs * width);
    for (; k < taps; ++k)
        accumulate<R, Bytes, Outs, 1>(s, offsets + k, channel, outs, lanes + k * outs * width);
}

template <class R, int Bytes>
ENGRAIN_INLINE void accumulate_outs(Stretch<R> s, const WeightPlan& p, const int64_t* offsets,
                                    R* lanes) {
    constexpr int64_t width = Bytes / int64_t(sizeof(R));
    const int64_t channel = p.y.out * p.line();
    for (int64_t o = 0, outs = 0; o < p.out_group; o += outs) {
        const int64_t left = p.out_group - o;
        outs = left >= widest_tile(Bytes) ? widest_tile(Bytes) : left >= 4 ? 4 : 1;
        if constexpr (Bytes == 64)
            if (outs == 8) accumulate_taps<R, Bytes, 8>(s, p, offsets, lanes);
        if (outs == 4) accumulate_taps<R, Bytes, 4>(s, p, offsets, lanes);
        if (outs == 1) accumulate_taps<R, Bytes, 1>(s, p, offsets, lanes);
        s.grad += outs * channel;
        lanes += outs * width;
    }
}

// The output rows [begin, end) whose source under tap ky is an input row.
inline void inside(const Axis& y, int64_t ky, int64_t& begin, int64_t& end) {
    while (begin < end && y.source(begin, ky) < 0) ++begin;
    while (end > begin && y.source(end - 1, ky) < 0) --end;
}

template <class R, int Bytes>
ENGRAIN_INLINE void accumulate_block(const WeightPlan& p, const Slab& slab, int64_t ox,
                                     int64_t y_begin, int64_t y_end, int64_t begin, int64_t end,
                                     const WeightScratch<R>& s) {
    constexpr int64_t width = Bytes / int64_t(sizeof(R));
    const int64_t per_row_tap = p.rows.taps() * p.out_group * width;
    for (int64_t g = 0; g < p.groups; ++g)
        for (int64_t c = g * p.in_group; c < (g + 1) * p.in_group; ++c)
            for (int64_t k = 0; k < p.row_taps(); ++k) {
                const int64_t ky = k % p.y.kernel, ix = p.x.source(ox, k / p.y.kernel);
                int64_t from = y_begin, to = y_end;
                inside(p.y, ky, from, to);
                if (ix < 0 || from == to) continue;
                const R* plane = s.input + (c * p.depth + ix - slab.first) * p.y.in * p.rows.length;
                const R* grad = s.grad + (g * p.out_group * p.y.out + from) * p.line();
                accumulate_outs<R, Bytes>(
                    {plane + p.y.source(from, ky) * p.rows.length, grad, to - from,
                     p.y.stride * p.rows.length, p.line(), begin, end},
                    p, s.offsets, s.lanes + (c * p.row_taps() + k) * per_row_tap);
            }
}

template <class R, int Bytes>
ENGRAIN_INLINE void accumulate_plane(const WeightPlan& p, const Slab& slab, int64_t ox,
                                     const WeightScratch<R>& s) {
    const int64_t at_once = std::min<int64_t>(p.out_group, widest_tile(Bytes));
    const int64_t positions = std::max<int64_t>(
        widest_block, stretch_bytes / int64_t(sizeof(R)) / at_once / widest_block * widest_block);
    const int64_t rows = std::max<int64_t>(1, positions / p.line());
    for (int64_t y = 0; y < p.y.out; y += rows)
        for (int64_t j = 0; j < p.rows.line; j += positions)
            accumulate_block<R, Bytes>(p, slab, ox, y, std::min(y + rows, p.y.out), j,
                                       std::min(j + positions, p.rows.line), s);
}

#define ENGRAIN_WEIGHT_PLANE(name, target, bytes)                       \
    template <class R>                                                  \
    target void name(const WeightPlan& p, const Slab& slab, int64_t ox, \
                     const WeightScratch<R>& s) {                       \
        accumulate_plane<R, bytes>(p, slab, ox, s);                     \
    }
ENGRAIN_WEIGHT_PLANE(plane_baseline, , 16)
#if ENGRAIN_X86
ENGRAIN_WEIGHT_PLANE(plane_avx2, ENGRAIN_AVX2_FMA, 32)
ENGRAIN_WEIGHT_PLANE(plane_avx512, ENGRAIN_AVX512_FMA, 64)
#endif

template <class R>
auto choose_plane(int bytes) {
#if ENGRAIN_X86
    if (bytes == 64) return &plane_avx512<R>;
    if (bytes == 32) return &plane_avx2<R>;
#endif
    return &plane_baseline<R>;
}

template <class Stored, class R>
void fill_input(const WeightPlan& p, const Slab& slab, const Stored* x, const WeightScratch<R>& s) {
    const int64_t plane = p.rows.z.in * p.rows.t.in;
    for (int64_t c = 0; c < p.in_channels(); ++c)
        for (int64_t ix = slab.first; ix <= slab.last; ++ix)
            for (int64_t iy = 0; iy < p.y.in; ++iy)
                fill_row(
                    p.rows,
                    x + (((slab.sample * p.in_channels() + c) * p.x.in + ix) * p.y.in + iy) * plane,
                    s.input + ((c * p.depth + ix - slab.first) * p.y.in + iy) * p.rows.length);
}

template <class Stored, class R>
void fill_grad(const WeightPlan& p, int64_t sample, int64_t ox, const Stored* grad_out,
               const WeightScratch<R>& s) {
    const Axis &z = p.rows.z, &t = p.rows.t;
    for (int64_t o = 0; o < p.out_channels(); ++o)
        for (int64_t oy = 0; oy < p.y.out; ++oy) {
            const Stored* plane =
                grad_out +
                (((sample * p.out_channels() + o) * p.x.out + ox) * p.y.out + oy) * z.out * t.out;
            R* line = s.grad + (o * p.y.out + oy) * p.line();
            for (int64_t i = 0; i < z.out; ++i) {
                R* __restrict target = line + i * p.rows.row;
                const Stored* __restrict source = plane + i * t.out;
                for (int64_t k = 0; k < t.out; ++k) target[k] = to_real(source[k]);
            }
        }
}

// Sums the lanes and brings the weights into their public order.
template <class R>
void reduce_lanes(const WeightPlan& p, const R* lanes, int64_t width, R* grad_weight) {
    const int64_t taps = p.row_taps() * p.rows.taps();
    for (int64_t c = 0; c < p.in_channels(); ++c)
        for (int64_t k = 0; k < taps; ++k)
            for (int64_t o = 0; o < p.out_group; ++o, lanes += width) {
                R sum = 0;
                for (int64_t i = 0; i < width; ++i) sum += lanes[i];
                const int64_t out = c / p.in_group * p.out_group + o;
                grad_weight[(out * p.in_group + c % p.in_group) * taps + k] = sum;
            }
}

template <class R>
size_t partial_bytes(const WeightPlan& p) {
    return aligned(sizeof(R) * size_t(p.weights() * p.units.count));
}

template <class Stored>
void weight_gradient(const WeightPlan& p, const Stored* x, const Stored* grad_out,
                     Real<Stored>* grad_weight, void* memory, size_t threads) {
    using R = Real<Stored>;
    const int bytes = register_bytes();
    const auto plane_kernel = choose_plane<R>(bytes);
    R* partial = static_cast<R*>(memory);
    std::byte* scratch = static_cast<std::byte*>(memory) + partial_bytes<R>(p);
    bool ready[max_threads] = {};
    run_tasks(size_t(p.units.count), useful_threads(p.products(), threads),
              [&](size_t unit, size_t thread) {
                  const WeightScratch<R> s(p, scratch + thread * WeightScratch<R>::bytes(p));
                  if (!ready[thread]) s.prepare(p);
                  ready[thread] = true;
                  const Slab slab(p.units, p.x, int64_t(unit));
                  fill_input(p, slab, x, s);
                  const int64_t width = bytes / int64_t(sizeof(R));
                  std::memset(static_cast<void*>(s.lanes), 0,
                              sizeof(R) * size_t(p.weights() * width));
                  for (int64_t ox = slab.begin; ox < slab.end; ++ox) {
                      fill_grad(p, slab.sample, ox, grad_out, s);
                      plane_kernel(p, slab, ox, s);
                  }
                  reduce_lanes(p, s.lanes, width, partial + int64_t(unit) * p.weights());
              });
    for (int64_t i = 0; i < p.weights(); ++i) {
        R sum = 0;
        for (int64_t unit = 0; unit < p.units.count; ++unit) sum += partial[unit * p.weights() + i];
        grad_weight[i] = sum;
    }
}

}  // namespace
}  // namespace engrain::conv4d

namespace engrain {

using std::size_t;

template <class Stored>
size_t conv4d_grad_weight_workspace(const Conv4dGeometry& shape, size_t threads) noexcept {
    const conv4d::WeightPlan plan(shape);
    using R = Real<Stored>;
    return conv4d::partial_bytes<R>(plan) +
           std::min(threads, max_threads) * conv4d::WeightScratch<R>::bytes(plan);
}

template <class Stored>
void conv4d_grad_weight(const Conv4dGeometry& shape, const Stored* x, const Stored* grad_out,
                        Real<Stored>* grad_weight, void* workspace, size_t threads) noexcept {
    conv4d::weight_gradient(conv4d::WeightPlan(shape), x, grad_out, grad_weight, workspace,
                            threads);
}

#define ENGRAIN_INSTANTIATE(S)                                                               \
    template size_t conv4d_grad_weight_workspace<S>(const Conv4dGeometry&, size_t) noexcept; \
    template void conv4d_grad_weight<S>(const Conv4dGeometry&, const S*, const S*, Real<S>*, \
                                        void*, size_t) noexcept;
ENGRAIN_INSTANTIATE(float)
ENGRAIN_INSTANTIATE(double)
ENGRAIN_INSTANTIATE(Bf16)

}  // namespace engrain
