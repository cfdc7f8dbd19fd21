#include "engrain/scorer.hpp"

#include <cmath>

#include "engrain/simd.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t hidden = scorer_hidden;

// 32 units in two groups of 16 lanes.
template <int W>
struct Units {
    Lanes<W> low, high;

    static ENGRAIN_INLINE Units load(const float* p) {
        return {Lanes<W>::load(p), Lanes<W>::load(p + 16)};
    }
    ENGRAIN_INLINE void store(float* p) const {
        low.store(p);
        high.store(p + 16);
    }
    ENGRAIN_INLINE void add(float x, const float* row) {
        const Lanes<W> factor = Lanes<W>::splat(x);
        low = low + factor * Lanes<W>::load(row);
        high = high + factor * Lanes<W>::load(row + 16);
    }
};

template <class P>
struct Layout {
    P *w1, *b1, *w2, *b2, *w3, *b3;
    ENGRAIN_INLINE Layout(P* p, std::size_t inputs)
        : w1(p),
          b1(w1 + inputs * hidden),
          w2(b1 + hidden),
          b2(w2 + hidden * hidden),
          w3(b2 + hidden),
          b3(w3 + hidden) {}
};

template <int W>
ENGRAIN_INLINE void layer(const float* x, std::size_t inputs, const float* weights,
                          const float* bias, float* out) {
    Units<W> sum = Units<W>::load(bias);
    for (std::size_t i = 0; i < inputs; ++i) sum.add(x[i], weights + i * hidden);
    sum.store(out);
    for (std::size_t i = 0; i < hidden; ++i) out[i] = out[i] > 0.0F ? out[i] : 0.0F;
}

template <int W>
ENGRAIN_INLINE float inner(const float* a, const float* b) {
    const Units<W> x = Units<W>::load(a), y = Units<W>::load(b);
    return (x.low * y.low + x.high * y.high).sum();
}

template <int W>
ENGRAIN_INLINE void score_features_body(const float* parameters, const float* features,
                                        std::size_t n, std::size_t inputs, float* logits) {
    const Layout<const float> p(parameters, inputs);
    float first[hidden], second[hidden];
    for (std::size_t row = 0; row < n; ++row) {
        layer<W>(features + row * inputs, inputs, p.w1, p.b1, first);
        layer<W>(first, hidden, p.w2, p.b2, second);
        logits[row] = inner<W>(second, p.w3) + *p.b3;
    }
}

// rows[i] += x[i] * delta.
template <int W>
ENGRAIN_INLINE void add_outer(const float* x, std::size_t inputs, const float* delta, float* rows) {
    for (std::size_t i = 0; i < inputs; ++i) {
        Units<W> row = Units<W>::load(rows + i * hidden);
        row.add(x[i], delta);
        row.store(rows + i * hidden);
    }
}

template <int W>
ENGRAIN_INLINE void add_to(float* out, float factor, const float* x) {
    Units<W> sum = Units<W>::load(out);
    sum.add(factor, x);
    sum.store(out);
}

template <int W>
ENGRAIN_INLINE void backpropagate_body(const float* parameters, const float* features,
                                       const float* upstream, std::size_t n, std::size_t inputs,
                                       float* gradient) {
    const Layout<const float> p(parameters, inputs);
    const Layout<float> g(gradient, inputs);
    float first[hidden], second[hidden], delta1[hidden], delta2[hidden];
    for (std::size_t row = 0; row < n; ++row) {
        const float* x = features + row * inputs;
        layer<W>(x, inputs, p.w1, p.b1, first);
        layer<W>(first, hidden, p.w2, p.b2, second);
        for (std::size_t i = 0; i < hidden; ++i)
            delta2[i] = second[i] > 0.0F ? upstream[row] * p.w3[i] : 0.0F;
        for (std::size_t i = 0; i < hidden; ++i)
            delta1[i] = first[i] > 0.0F ? inner<W>(p.w2 + i * hidden, delta2) : 0.0F;
        *g.b3 += upstream[row];
        add_to<W>(g.w3, upstream[row], second);
        add_to<W>(g.b2, 1.0F, delta2);
        add_outer<W>(first, hidden, delta2, g.w2);
        add_to<W>(g.b1, 1.0F, delta1);
        add_outer<W>(x, inputs, delta1, g.w1);
    }
}

template <int W>
ENGRAIN_INLINE void adam_body(float* __restrict parameters, const float* __restrict gradient,
                              float* __restrict mean, float* __restrict square, std::size_t n,
                              const AdamStep& rule, float size, float root) {
    const float keep = 1.0F - rule.learning_rate * rule.weight_decay;
    for (std::size_t i = 0; i < n; ++i) {
        mean[i] = rule.beta1 * mean[i] + (1.0F - rule.beta1) * gradient[i];
        square[i] = rule.beta2 * square[i] + (1.0F - rule.beta2) * gradient[i] * gradient[i];
        parameters[i] =
            keep * parameters[i] - size * mean[i] / (root * std::sqrt(square[i]) + rule.epsilon);
    }
}

ENGRAIN_DISPATCH(void, adam,
                 (float* parameters, const float* gradient, float* mean, float* square,
                  std::size_t n, const AdamStep& rule, float size, float root),
                 (parameters, gradient, mean, square, n, rule, size, root))

template <int W>
ENGRAIN_INLINE void sgd_step_body(float* __restrict parameters, const float* __restrict gradient,
                                  std::size_t n, float learning_rate) {
    for (std::size_t i = 0; i < n; ++i) parameters[i] -= learning_rate * gradient[i];
}

}  // namespace

ENGRAIN_DISPATCH(void, score_features,
                 (const float* parameters, const float* features, std::size_t n, std::size_t inputs,
                  float* logits),
                 (parameters, features, n, inputs, logits))

ENGRAIN_DISPATCH(void, backpropagate,
                 (const float* parameters, const float* features, const float* upstream,
                  std::size_t n, std::size_t inputs, float* gradient),
                 (parameters, features, upstream, n, inputs, gradient))

void adam_step(float* parameters, const float* gradient, float* mean, float* square, std::size_t n,
               const AdamStep& rule, long long step) noexcept {
    const double correction1 = 1.0 - exp(double(step) * log(double(rule.beta1)));
    const double correction2 = 1.0 - exp(double(step) * log(double(rule.beta2)));
    adam(parameters, gradient, mean, square, n, rule, float(rule.learning_rate / correction1),
         float(1.0 / std::sqrt(correction2)));
}

ENGRAIN_DISPATCH(void, sgd_step,
                 (float* parameters, const float* gradient, std::size_t n, float learning_rate),
                 (parameters, gradient, n, learning_rate))

}  // namespace engrain
