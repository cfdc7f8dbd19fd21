// How the conv4d kernels lay out a row, one (z, t) plane: padded, with the phases of a stride
// apart, so that every tap is one constant offset and output position j reads input j + offset.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engrain/conv4d.hpp"

namespace engrain::conv4d {

using std::int64_t;
using std::size_t;

// An axis whose input elements stand `spread` apart with zeros between them: the input gradient of
// a strided convolution is such a convolution.
struct Axis {
    int64_t in, out, kernel, stride, dilation, pad, spread;

    int64_t tap(int64_t k) const { return k * dilation; }
    int64_t reach() const { return tap(kernel - 1) / stride + out; }
    // The input index under tap k of output o, or -1 where there is none.
    int64_t source(int64_t o, int64_t k) const {
        const int64_t u = o * stride + tap(k) - pad;
        return u < 0 || u % spread != 0 || u / spread >= in ? -1 : u / spread;
    }
};

// Rows of consecutive z share their zero gap: the right margin of one is the left of the next.
inline int64_t row_length(const Axis& t) {
    const int64_t needed = t.reach(), data_end = t.pad + (t.in - 1) * t.spread + 1;
    if (t.stride != 1 || t.pad < 0 || data_end >= needed) return needed;
    return data_end + std::max<int64_t>(0, needed - data_end - t.pad);
}

constexpr int64_t widest_block = 128;  // positions that one tile may touch past the last one

struct RowLayout {
    Axis z, t;
    int64_t row, line, offset_end, length;

    RowLayout(const Axis& z_axis, const Axis& t_axis) : z(z_axis), t(t_axis) {
        row = row_length(t);
        line = (z.out - 1) * row + t.out;
        offset_end = 0;
        for (int64_t k = 0; k < z.kernel * t.kernel; ++k)
            offset_end = std::max(offset_end, offset(k / t.kernel, k % t.kernel));
        const int64_t blocks = (line + widest_block - 1) / widest_block;
        length = std::max(z.stride * t.stride * z.reach() * row,
                          offset_end + (blocks + 1) * widest_block);
    }
    int64_t place(int64_t uz, int64_t ut) const {
        const int64_t phase = (uz % z.stride) * t.stride + ut % t.stride;
        return (phase * z.reach() + uz / z.stride) * row + ut / t.stride;
    }
    int64_t offset(int64_t kz, int64_t kt) const { return place(z.tap(kz), t.tap(kt)); }
    int64_t taps() const { return z.kernel * t.kernel; }
    int64_t padded_line() const { return (line + widest_block - 1) / widest_block * widest_block; }
};

inline float to_real(float x) { return x; }
inline double to_real(double x) { return x; }
inline float to_real(Bf16 x) {
    const std::uint32_t bits = std::uint32_t(x.bits) << 16;
    float out;
    std::memcpy(&out, &bits, sizeof(out));
    return out;
}
inline void from_real(float x, float& out) { out = x; }
inline void from_real(double x, double& out) { out = x; }
inline void from_real(float x, Bf16& out) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof(bits));
    const bool nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    out.bits = nan ? std::uint16_t(bits >> 16 | 0x40U)
                   : std::uint16_t((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

// Writes one (z, t) plane into its padded row; what is not data must be 0 already.
template <class Stored>
void fill_row(const RowLayout& layout, const Stored* plane, Real<Stored>* row) {
    const Axis &z = layout.z, &t = layout.t;
    for (int64_t i = 0; i < z.in; ++i) {
        const int64_t uz = i * z.spread + z.pad;
        if (uz < 0 || uz / z.stride >= z.reach()) continue;
        if (t.stride == 1 && t.spread == 1) {
            const int64_t from = std::max<int64_t>(0, -t.pad);
            const int64_t to = std::min(t.in, layout.row - t.pad);
            Real<Stored>* __restrict target = row + layout.place(uz, 0) + t.pad;
            const Stored* __restrict source = plane + i * t.in;
            for (int64_t k = from; k < to; ++k) target[k] = to_real(source[k]);
            continue;
        }
        for (int64_t k = 0; k < t.in; ++k) {
            const int64_t ut = k * t.spread + t.pad;
            if (ut >= 0 && ut / t.stride < layout.row)
                row[layout.place(uz, ut)] = to_real(plane[i * t.in + k]);
        }
    }
}

// A run of output x of one sample: the unit of parallel work, chosen from the shape alone.
struct Units {
    int64_t slabs, size, count;

    Units(int64_t batch, int64_t out_x) {
        constexpr int64_t wanted = 8;
        slabs = std::min(out_x, (wanted + batch - 1) / batch);
        size = (out_x + slabs - 1) / slabs;
        slabs = (out_x + size - 1) / size;
        count = batch * slabs;
    }
};

// The input rows of `channels` planes that output x in [begin, end) reads.
struct Slab {
    int64_t sample, begin, end, first, last;

    Slab(const Units& units, const Axis& x, int64_t unit) {
        sample = unit / units.slabs;
        begin = unit % units.slabs * units.size;
        end = std::min(begin + units.size, x.out);
        first = x.in;
        last = -1;
        for (int64_t o = begin; o < end; ++o)
            for (int64_t k = 0; k < x.kernel; ++k) {
                const int64_t i = x.source(o, k);
                if (i < 0) continue;
                first = std::min(first, i);
                last = std::max(last, i);
            }
    }
    int64_t depth() const { return last - first + 1; }
};

inline int64_t slab_depth(const Units& units, const Axis& x) {
    int64_t depth = 0;
    for (int64_t unit = 0; unit < units.slabs; ++unit)
        depth = std::max(depth, Slab(units, x, unit).depth());
    return depth;
}

// Starting a thread costs some 30 us: a call of few products is done sooner without.
inline size_t useful_threads(int64_t products, size_t threads) {
    constexpr int64_t per_thread = 4'000'000;
    return std::min(threads, size_t(1 + products / per_thread));
}

inline size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace engrain::conv4d
