#include "engrain/sparse.hpp"

#include "engrain/simd.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Up to 8 x 16 columns of one row of out stay in registers while its entries are added.
template <int W, int Blocks>
ENGRAIN_INLINE void multiply_columns(const std::int32_t* columns, const float* values,
                                     std::size_t entries, const float* dense, std::size_t width,
                                     float* out) {
    Lanes<W> total[Blocks];
    for (int b = 0; b < Blocks; ++b) total[b] = Lanes<W>::zero();
    for (std::size_t e = 0; e < entries; ++e) {
        const float* row = dense + static_cast<std::size_t>(columns[e]) * width;
        const Lanes<W> value = Lanes<W>::splat(values[e]);
        for (int b = 0; b < Blocks; ++b) total[b] = total[b] + value * Lanes<W>::load(row + 16 * b);
    }
    for (int b = 0; b < Blocks; ++b) total[b].store(out + 16 * b);
}

template <int W>
ENGRAIN_INLINE void multiply_sparse_body(const std::int64_t* starts, const std::int32_t* columns,
                                         const float* values, std::size_t n, const float* dense,
                                         std::size_t width, float* out) {
    constexpr int blocks = W / 2;
    for (std::size_t i = 0; i < n; ++i, out += width) {
        const std::int32_t* column = columns + starts[i];
        const float* value = values + starts[i];
        const std::size_t entries = static_cast<std::size_t>(starts[i + 1] - starts[i]);
        std::size_t j = 0;
        for (; j + 16 * blocks <= width; j += 16 * blocks)
            multiply_columns<W, blocks>(column, value, entries, dense + j, width, out + j);
        for (; j + 16 <= width; j += 16)
            multiply_columns<W, 1>(column, value, entries, dense + j, width, out + j);
        for (std::size_t k = j; k < width; ++k) out[k] = 0.0F;
        for (std::size_t e = 0; e < entries; ++e) {
            const float* row = dense + static_cast<std::size_t>(column[e]) * width;
            for (std::size_t k = j; k < width; ++k) out[k] += value[e] * row[k];
        }
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, multiply_sparse,
                 (const std::int64_t* starts, const std::int32_t* columns, const float* values,
                  std::size_t n, const float* dense, std::size_t width, float* out),
                 (starts, columns, values, n, dense, width, out))

}  // namespace engrain
