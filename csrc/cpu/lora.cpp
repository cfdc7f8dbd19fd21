#include "engrain/lora.hpp"

#include <cmath>

#include "engrain/blocks.hpp"
#include "engrain/dot.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Each pass takes two ranks at once, so that x and g are read once for both.
template <int W, int R>
struct Project {  // z_k = rows_k . x
    const float *rows, *x;
    std::size_t dim;
    Lanes<W> z[R];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> xi = block.load(x);
        for (int k = 0; k < R; ++k) z[k] = z[k] + block.load(rows + k * dim) * xi;
    }
};

template <int W, int R>
struct Measure {  // z_k = a_k . x, w_k = b_k . g, |x|^2, |g|^2
    const float *a, *b, *x, *g;
    std::size_t dim;
    Lanes<W> z[R], w[R], xx, gg;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> xi = block.load(x), gi = block.load(g);
        for (int k = 0; k < R; ++k) {
            z[k] = z[k] + block.load(a + k * dim) * xi;
            w[k] = w[k] + block.load(b + k * dim) * gi;
        }
        xx = xx + xi * xi;
        gg = gg + gi * gi;
    }
};

template <int W, int R>
struct Add {  // y += sum_k z_k b_k
    const float* b;
    float* y;
    std::size_t dim;
    Lanes<W> z[R];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        Lanes<W> yi = block.load(y);
        for (int k = 0; k < R; ++k) yi = yi + z[k] * block.load(b + k * dim);
        block.store(yi, y);
    }
};

template <int W, int R>
struct Move {  // b_k = decay b_k + z_k g, a_k += w_k x
    float *a, *b;
    const float *x, *g;
    std::size_t dim;
    Lanes<W> decay, z[R], w[R];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        // All loads before all stores: rows a multiple of 4 KiB apart would wait for each other.
        const Lanes<W> xi = block.load(x), gi = block.load(g);
        Lanes<W> bi[R], ai[R];
        for (int k = 0; k < R; ++k) {
            bi[k] = decay * block.load(b + k * dim) + z[k] * gi;
            ai[k] = block.load(a + k * dim) + w[k] * xi;
        }
        for (int k = 0; k < R; ++k) {
            block.store(bi[k], b + k * dim);
            block.store(ai[k], a + k * dim);
        }
    }
};

template <int W, int R>
ENGRAIN_INLINE void project(const float* a, const float* x, std::size_t dim, float* z) {
    Project<W, R> body{a, x, dim, {}};
    for_blocks<W>(dim, body);
    for (int k = 0; k < R; ++k) z[k] = body.z[k].sum();
}

template <int W, int R>
ENGRAIN_INLINE void add(const float* b, const float* z, std::size_t dim, float* y) {
    Add<W, R> body{b, y, dim, {}};
    for (int k = 0; k < R; ++k) body.z[k] = Lanes<W>::splat(z[k]);
    for_blocks<W>(dim, body);
}

struct Inner {  // what one request measures of an adapter
    float z[lora_max_rank], w[lora_max_rank], xx, gg;
};

template <int W, int R>
ENGRAIN_INLINE void measure(const float* a, const float* b, const float* x, const float* g,
                            std::size_t dim, std::size_t k0, Inner& inner) {
    Measure<W, R> body{a + k0 * dim, b + k0 * dim, x, g, dim, {}, {}, {}, {}};
    for_blocks<W>(dim, body);
    for (int k = 0; k < R; ++k) {
        inner.z[k0 + k] = body.z[k].sum();
        inner.w[k0 + k] = body.w[k].sum();
    }
    inner.xx = body.xx.sum();
    inner.gg = body.gg.sum();
}

template <int W, int R>
ENGRAIN_INLINE void move(float* a, float* b, const float* x, const float* g, std::size_t dim,
                         std::size_t k0, float rate, float decay, const Inner& inner) {
    Move<W, R> body{a + k0 * dim, b + k0 * dim, x, g, dim, {}, {}, {}};
    body.decay = Lanes<W>::splat(decay);
    for (int k = 0; k < R; ++k) {
        body.z[k] = Lanes<W>::splat(-rate * inner.z[k0 + k]);
        body.w[k] = Lanes<W>::splat(-rate * inner.w[k0 + k]);
    }
    for_blocks<W>(dim, body);
}

// Calls pass<W, 2> and at the end <W, 1> until all ranks are done; k0 is the first rank of a call.
// Not four: rows 4 KiB apart share one cache set, and four of a and of b would evict each other.
#define ENGRAIN_FOR_RANKS(pass, ...)                             \
    do {                                                         \
        std::size_t k0 = 0;                                      \
        for (; k0 + 2 <= rank; k0 += 2) pass<W, 2>(__VA_ARGS__); \
        if (k0 < rank) pass<W, 1>(__VA_ARGS__);                  \
    } while (false)

template <int W>
ENGRAIN_INLINE void apply_lora_body(const float* a, const float* b, const float* x,
                                    std::size_t rank, std::size_t dim, float scale, float* y) {
    float z[lora_max_rank];
    ENGRAIN_FOR_RANKS(project, a + k0 * dim, x, dim, z + k0);
    if (y != x) std::memcpy(y, x, dim * sizeof(float));
    for (std::size_t k = 0; k < rank; ++k) z[k] *= scale;
    ENGRAIN_FOR_RANKS(add, b + k0 * dim, z + k0, dim, y);
}

ENGRAIN_INLINE float rate_of(const Inner& inner, std::size_t rank, const LoraStep& step) {
    if (!step.normalised) return step.learning_rate * step.scale;
    float zz = 0.0F, ww = 0.0F;
    for (std::size_t k = 0; k < rank; ++k) {
        zz += inner.z[k] * inner.z[k];
        ww += inner.w[k] * inner.w[k];
    }
    const float through_a = inner.gg > 0.0F ? inner.xx * (ww / inner.gg) : 0.0F;
    const float sensitivity = step.scale * step.scale * (zz + through_a);
    return step.learning_rate * step.scale / (step.epsilon + sensitivity);
}

ENGRAIN_INLINE bool finite(const Inner& inner, std::size_t rank) {
    float total = (inner.xx - inner.xx) + (inner.gg - inner.gg);
    for (std::size_t k = 0; k < rank; ++k)
        total += (inner.z[k] - inner.z[k]) + (inner.w[k] - inner.w[k]);
    return total == 0.0F;
}

template <int W>
ENGRAIN_INLINE bool update_lora_body(float* a, float* b, const float* x, const float* g,
                                     std::size_t rank, std::size_t dim, const LoraStep& step) {
    Inner inner;
    inner.xx = inner.gg = 0.0F;
    ENGRAIN_FOR_RANKS(measure, a, b, x, g, dim, k0, inner);
    if (!finite(inner, rank)) return false;
    const float rate = rate_of(inner, rank, step);
    ENGRAIN_FOR_RANKS(move, a, b, x, g, dim, k0, rate, step.decay, inner);
    return true;
}

template <int W>
ENGRAIN_INLINE bool follow_lora_body(float* a, float* b, const float* x, const float* towards,
                                     float advantage, std::size_t rank, std::size_t dim,
                                     const LoraStep& step) {
    Inner inner;
    inner.xx = inner.gg = 0.0F;
    ENGRAIN_FOR_RANKS(measure, a, b, x, towards, dim, k0, inner);
    if (!finite(inner, rank)) return false;
    float margin = 0.0F;
    for (std::size_t k = 0; k < rank; ++k) margin += inner.z[k] * inner.w[k];
    margin = dot<W>(x, towards, dim) + step.scale * margin;
    const float weight = -advantage * float(1.0 / (1.0 + exp(double(margin))));
    if (weight - weight != 0.0F) return false;
    // The rate does not depend on the length of the gradient, weight * towards.
    const float rate = weight * rate_of(inner, rank, step);
    ENGRAIN_FOR_RANKS(move, a, b, x, towards, dim, k0, rate, step.decay, inner);
    return true;
}

template <int W>
ENGRAIN_INLINE void apply_lora_batch_body(const float* a, const float* b,
                                          const std::int64_t* adapter, const float* x,
                                          std::size_t n, std::size_t rank, std::size_t dim,
                                          float scale, float* y) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = std::size_t(adapter[i]) * rank * dim;
        apply_lora_body<W>(a + at, b + at, x + i * dim, rank, dim, scale, y + i * dim);
    }
}

template <int W>
ENGRAIN_INLINE bool update_lora_batch_body(float* a, float* b, const std::int64_t* adapter,
                                           const float* x, const float* g, std::size_t n,
                                           std::size_t rank, std::size_t dim,
                                           const LoraStep& step) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t at = std::size_t(adapter[i]) * rank * dim;
        if (!update_lora_body<W>(a + at, b + at, x + i * dim, g + i * dim, rank, dim, step))
            return false;
    }
    return true;
}

template <int W>
ENGRAIN_INLINE float project_lora_body(const float* a, float* b, std::size_t rank, std::size_t dim,
                                       float scale, float radius) {
    float squared = 0.0F;
    for (std::size_t k = 0; k < rank; ++k)
        for (std::size_t l = 0; l <= k; ++l) {
            const float both =
                dot<W>(a + k * dim, a + l * dim, dim) * dot<W>(b + k * dim, b + l * dim, dim);
            squared += k == l ? both : 2.0F * both;
        }
    const float norm = scale * std::sqrt(squared > 0.0F ? squared : 0.0F);
    if (!(norm > radius)) return norm;
    const Lanes<W> shrink = Lanes<W>::splat(radius / norm);
    const std::size_t size = rank * dim;
    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) (Lanes<W>::load(b + i) * shrink).store(b + i);
    for (; i < size; ++i) b[i] *= radius / norm;
    return norm;
}

}  // namespace

ENGRAIN_DISPATCH(float, project_lora,
                 (const float* a, float* b, std::size_t rank, std::size_t dim, float scale,
                  float radius),
                 (a, b, rank, dim, scale, radius))
ENGRAIN_DISPATCH(void, apply_lora,
                 (const float* a, const float* b, const float* x, std::size_t rank, std::size_t dim,
                  float scale, float* y),
                 (a, b, x, rank, dim, scale, y))
ENGRAIN_DISPATCH(bool, update_lora,
                 (float* a, float* b, const float* x, const float* g, std::size_t rank,
                  std::size_t dim, const LoraStep& step),
                 (a, b, x, g, rank, dim, step))
ENGRAIN_DISPATCH(bool, follow_lora,
                 (float* a, float* b, const float* x, const float* towards, float advantage,
                  std::size_t rank, std::size_t dim, const LoraStep& step),
                 (a, b, x, towards, advantage, rank, dim, step))
ENGRAIN_DISPATCH(void, apply_lora_batch,
                 (const float* a, const float* b, const std::int64_t* adapter, const float* x,
                  std::size_t n, std::size_t rank, std::size_t dim, float scale, float* y),
                 (a, b, adapter, x, n, rank, dim, scale, y))
ENGRAIN_DISPATCH(bool, update_lora_batch,
                 (float* a, float* b, const std::int64_t* adapter, const float* x, const float* g,
                  std::size_t n, std::size_t rank, std::size_t dim, const LoraStep& step),
                 (a, b, adapter, x, g, n, rank, dim, step))

}  // namespace engrain
