#include "engrain/combine.hpp"

#include "engrain/blocks.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t together = 16;  // rows added before `out` is written

template <int W>
struct Add {  // out = first + sum_i weights_i rows_i, where first is 0 or `out` itself
    const float* rows[together];
    float weights[together];
    std::size_t n;
    float* out;
    bool fresh;
    Lanes<W> none;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        Lanes<W> total = none;
        if (!fresh) total = block.load(out);
        for (std::size_t i = 0; i < n; ++i) {
            const Lanes<W> row = block.load(rows[i]);
            for (int r = 0; r < Lanes<W>::registers; ++r) total.v[r] += weights[i] * row.v[r];
        }
        block.store(total, out);
    }
};

template <int W>
ENGRAIN_INLINE void combine_rows_body(const float* const* rows, const float* weights, std::size_t n,
                                      std::size_t dim, float* out) {
    Add<W> add;
    add.out = out;
    add.fresh = true;
    add.none = Lanes<W>::zero();
    std::size_t i = 0;
    do {
        for (add.n = 0; add.n < together && i < n; ++i) {
            if (weights[i] == 0.0F) continue;
            add.rows[add.n] = rows[i];
            add.weights[add.n++] = weights[i];
        }
        for_blocks<W>(dim, add);
        add.fresh = false;
    } while (i < n);
}

}  // namespace

ENGRAIN_DISPATCH(void, combine_rows,
                 (const float* const* rows, const float* weights, std::size_t n, std::size_t dim,
                  float* out),
                 (rows, weights, n, dim, out))

}  // namespace engrain
