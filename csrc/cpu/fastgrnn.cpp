#include "engrain/fastgrnn.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/blocks.hpp"
#include "engrain/dot.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/similarity.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t abreast = CellShape::abreast;

// Where each part begins within the flat weights, or within their gradient.
template <class Float>
struct Parts {
    Float *w, *b_z, *b_h, *zeta, *nu, *v, *b;

    Parts(Float* flat, const CellShape& s) : w(flat) {
        b_z = w + s.hidden * (s.dim + s.hidden);
        b_h = b_z + s.hidden;
        zeta = b_h + s.hidden;
        nu = zeta + 1;
        v = nu + 1;
        b = v + s.models * s.hidden;
    }
};

// What one sample leaves in the scratch; each of `hidden` floats.
struct Sample {
    float *drive, *z, *c, *h, *dh, *shared;

    Sample(float* scratch, std::size_t hidden)
        : drive(scratch),
          z(drive + hidden),
          c(z + hidden),
          h(c + hidden),
          dh(h + hidden),
          shared(dh + hidden) {}
};

float sigmoid(float x) noexcept { return float(1.0 / (1.0 + exp(-double(x)))); }

template <int W>
ENGRAIN_INLINE Lanes<W> sigmoid(Lanes<W> x) {
    x = simd::exp<W>(Lanes<W>::zero() - x);
    for (int r = 0; r < Lanes<W>::registers; ++r) x.v[r] = 1.0F / (1.0F + x.v[r]);
    return x;
}

template <int W>
struct Open {
    const Sample& at_;
    const float *b_z, *b_h;
    Lanes<W> one, zeta, nu;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> s = block.load(at_.drive), up = s + block.load(b_h);
        const Lanes<W> z = sigmoid<W>(s + block.load(b_z)), half = sigmoid<W>(up + up);
        const Lanes<W> c = half + half - one;
        block.store(z, at_.z);
        block.store(c, at_.c);
        block.store((zeta * (one - z) + nu) * c, at_.h);
    }
};

template <int W>
ENGRAIN_INLINE void run_cell(const Parts<const float>& p, const CellShape& s, const float* x,
                             float zeta, float nu, const Sample& out) {
    score_rows(p.w, x, s.hidden, s.dim, out.drive);
    for (std::size_t j = 0; j < s.hidden; ++j) out.drive[j] *= s.gain;
    Open<W> body{out, p.b_z, p.b_h, {}, {}, {}};
    body.one = Lanes<W>::splat(1.0F);
    body.zeta = Lanes<W>::splat(zeta);
    body.nu = Lanes<W>::splat(nu);
    for_blocks<W>(s.hidden, body);
}

template <int W>
struct Axpy {
    float* y;
    const float* x;
    Lanes<W> a;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        block.store(block.load(y) + a * block.load(x), y);
    }
};

// y += a x
template <int W>
ENGRAIN_INLINE void axpy(float* y, float a, const float* x, std::size_t n) {
    Axpy<W> body{y, x, {}};
    body.a = Lanes<W>::splat(a);
    for_blocks<W>(n, body);
}

// Derivatives at gate and candidate, added to the gradient of their biases.
template <int W>
struct Close {
    const Sample& at_;
    float *g_z, *g_h;
    Lanes<W> one, zeta, nu, by_zeta, by_nu;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> dh = block.load(at_.dh), z = block.load(at_.z), c = block.load(at_.c);
        const Lanes<W> shut = one - z, none = Lanes<W>::zero();
        by_zeta = by_zeta + dh * shut * c;
        by_nu = by_nu + dh * c;
        const Lanes<W> gate = dh * (none - zeta * c) * z * shut;
        const Lanes<W> candidate = dh * (zeta * shut + nu) * (one - c * c);
        block.store(block.load(g_z) + gate, g_z);
        block.store(block.load(g_h) + candidate, g_h);
        block.store(gate + candidate, at_.shared);
    }
};

// From derivatives at h to those at gate and candidate, of both biases, zeta and nu.
template <int W>
ENGRAIN_INLINE void close_cell(const Parts<float>& g, const CellShape& s, float zeta, float nu,
                               const Sample& at) {
    Close<W> body{at, g.b_z, g.b_h, {}, {}, {}, Lanes<W>::zero(), Lanes<W>::zero()};
    body.one = Lanes<W>::splat(1.0F);
    body.zeta = Lanes<W>::splat(zeta);
    body.nu = Lanes<W>::splat(nu);
    for_blocks<W>(s.hidden, body);
    g.zeta[0] += body.by_zeta.sum() * zeta * (1.0F - zeta);
    g.nu[0] += body.by_nu.sum() * nu * (1.0F - nu);
}

// Adds one sample's part of the gradient to `g`, but for that of W, scaled by `share`; returns its
// loss.
template <int W>
ENGRAIN_INLINE double learn_sample(const Parts<const float>& p, const Parts<float>& g,
                                   const CellShape& s, const float* x, const float* targets,
                                   float zeta, float nu, float share, const Sample& at) {
    run_cell<W>(p, s, x, zeta, nu, at);
    std::fill_n(at.dh, s.hidden, 0.0F);
    double loss = 0.0;
    for (std::size_t m = 0; m < s.models; ++m) {
        const float told = targets[m];
        if (told != told) continue;
        const float* v = p.v + m * s.hidden;
        const float logit = dot<W>(v, at.h, s.hidden) + p.b[m];
        const double size = logit < 0.0F ? -double(logit) : double(logit);
        loss += (logit > 0.0F ? logit : 0.0) + log1p(exp(-size)) - double(told) * logit;
        const float delta = (sigmoid(logit) - told) * share;
        axpy<W>(g.v + m * s.hidden, delta, at.h, s.hidden);
        g.b[m] += delta;
        axpy<W>(at.dh, delta, v, s.hidden);
    }
    close_cell<W>(g, s, zeta, nu, at);
    return loss;
}

template <int W>
struct AddAbreast {  // y += a_0 x_0, then a_1 x_1, ...
    float* y;
    const float* const* x;
    Lanes<W> a[abreast];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        Lanes<W> sum = block.load(y);
        for (std::size_t k = 0; k < abreast; ++k) sum = sum + a[k] * block.load(x[k]);
        block.store(sum, y);
    }
};

// The gradient of W by `count` samples: each of its rows is read and written once for all.
template <int W>
ENGRAIN_INLINE void add_outer(float* w, const CellShape& s, const float* const* x,
                              const float* shared, std::size_t count) {
    for (std::size_t j = 0; j < s.hidden; ++j) {
        float* row = w + j * s.dim;
        if (count == abreast) {
            AddAbreast<W> body{row, x, {}};
            for (std::size_t k = 0; k < abreast; ++k)
                body.a[k] = Lanes<W>::splat(s.gain * shared[k * s.hidden + j]);
            for_blocks<W>(s.dim, body);
        } else {
            for (std::size_t k = 0; k < count; ++k)
                axpy<W>(row, s.gain * shared[k * s.hidden + j], x[k], s.dim);
        }
    }
}

// Adds the gradient by the samples `places`, at most `abreast`, to `g`; returns their loss.
template <int W>
ENGRAIN_INLINE double learn_samples(const Parts<const float>& p, const Parts<float>& g,
                                    const CellShape& s, const float* x, const float* targets,
                                    const std::int64_t* places, std::size_t count, float zeta,
                                    float nu, float share, const Sample& at) {
    const float* rows[abreast];
    double loss = 0.0;
    Sample own = at;
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t row = std::size_t(places[k]);
        rows[k] = x + row * s.dim;
        own.shared = at.shared + k * s.hidden;
        loss += learn_sample<W>(p, g, s, rows[k], targets + row * s.models, zeta, nu, share, own);
    }
    add_outer<W>(g.w, s, rows, at.shared, count);
    return loss;
}

template <int W>
struct AddSquares {  // y += x^2
    float* y;
    const float* x;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> value = block.load(x);
        block.store(block.load(y) + value * value, y);
    }
};

template <int W>
ENGRAIN_INLINE void add_squares(float* y, const float* x, std::size_t n) {
    AddSquares<W> body{y, x};
    for_blocks<W>(n, body);
}

// Adds p (1 - p) (d logit / d weights)^2 of one sample; `g` is room for its gradient.
template <int W>
ENGRAIN_INLINE void measure_sample(const Parts<const float>& p, const Parts<float>& fisher,
                                   const Parts<float>& g, const CellShape& s, const float* x,
                                   std::size_t model, float zeta, float nu, const Sample& at) {
    run_cell<W>(p, s, x, zeta, nu, at);
    const float *v = p.v + model * s.hidden, q = sigmoid(dot<W>(v, at.h, s.hidden) + p.b[model]);
    const float delta = std::sqrt(q * (1.0F - q));
    std::fill_n(at.dh, s.hidden, 0.0F);
    axpy<W>(at.dh, delta, v, s.hidden);
    std::fill(g.b_z, g.v + s.hidden, 0.0F);
    axpy<W>(g.v, delta, at.h, s.hidden);
    close_cell<W>(g, s, zeta, nu, at);
    add_squares<W>(fisher.b_z, g.b_z, 2 * s.hidden + 2);  // both biases, zeta and nu
    add_squares<W>(fisher.v + model * s.hidden, g.v, s.hidden);
    fisher.b[model] += delta * delta;
    float* squares = g.w;
    std::fill_n(squares, s.dim, 0.0F);
    add_squares<W>(squares, x, s.dim);
    for (std::size_t j = 0; j < s.hidden; ++j) {
        const float shared = s.gain * at.shared[j];
        axpy<W>(fisher.w + j * s.dim, shared * shared, squares, s.dim);
    }
}

template <int W>
struct Step {
    float* weights;
    const float *gradient, *kept, *added;
    Lanes<W> rate;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        Lanes<W> w = block.load(weights) - rate * block.load(gradient);
        if (kept != nullptr) w = w * block.load(kept) + block.load(added);
        block.store(w, weights);
    }
};

template <int W>
ENGRAIN_INLINE void forward_fastgrnn_body(const float* weights, const CellShape& s, const float* x,
                                          std::size_t n, float* logits, float* scratch) {
    const Parts<const float> p(weights, s);
    const Sample at(scratch, s.hidden);
    const float zeta = sigmoid(*p.zeta), nu = sigmoid(*p.nu);
    for (std::size_t i = 0; i < n; ++i) {
        run_cell<W>(p, s, x + i * s.dim, zeta, nu, at);
        for (std::size_t m = 0; m < s.models; ++m)
            logits[i * s.models + m] = dot<W>(p.v + m * s.hidden, at.h, s.hidden) + p.b[m];
    }
}

template <int W>
ENGRAIN_INLINE double descend_fastgrnn_body(float* weights, const CellShape& s, const float* x,
                                            const float* targets, const std::int64_t* order,
                                            std::size_t n, const DescentRule& rule,
                                            float* scratch) {
    const std::size_t count = s.weights();
    const Parts<const float> p(weights, s);
    const Parts<float> g(scratch, s);
    const Sample at(scratch + count, s.hidden);
    double total = 0.0;
    std::size_t batches = 0;
    for (std::size_t begin = 0; begin < n; begin += rule.batch, ++batches) {
        const std::size_t size = std::min(rule.batch, n - begin);
        const float zeta = sigmoid(*p.zeta), nu = sigmoid(*p.nu), share = 1.0F / float(size);
        std::fill_n(scratch, count, 0.0F);
        double loss = 0.0;
        for (std::size_t i = begin; i < begin + size; i += abreast) {
            const std::size_t end = begin + size, together = std::min(abreast, end - i);
            for (std::size_t j = i + abreast; j < std::min(i + 2 * abreast, end); ++j)
                prefetch_apart(x + std::size_t(order[j]) * s.dim, s.dim);
            loss += learn_samples<W>(p, g, s, x, targets, order + i, together, zeta, nu, share, at);
        }
        total += loss / double(size);
        Step<W> step{weights, scratch, rule.kept, rule.added, {}};
        step.rate = Lanes<W>::splat(rule.rate);
        for_blocks<W>(count, step);
    }
    return batches ? total / double(batches) : 0.0;
}

template <int W>
ENGRAIN_INLINE void fisher_fastgrnn_body(const float* weights, const CellShape& s, const float* x,
                                         const std::int64_t* actions, std::size_t n, float* fisher,
                                         float* scratch) {
    const std::size_t count = s.weights();
    const Parts<const float> p(weights, s);
    const Parts<float> f(fisher, s), g(scratch, s);
    const Sample at(scratch + count, s.hidden);
    const float zeta = sigmoid(*p.zeta), nu = sigmoid(*p.nu);
    std::fill_n(fisher, count, 0.0F);
    for (std::size_t i = 0; i < n; ++i)
        measure_sample<W>(p, f, g, s, x + i * s.dim, std::size_t(actions[i]), zeta, nu, at);
    for (std::size_t i = 0; i < count; ++i) fisher[i] /= float(n);
}

}  // namespace

ENGRAIN_DISPATCH(void, forward_fastgrnn,
                 (const float* weights, const CellShape& shape, const float* x, std::size_t n,
                  float* logits, float* scratch),
                 (weights, shape, x, n, logits, scratch))
ENGRAIN_DISPATCH(double, descend_fastgrnn,
                 (float* weights, const CellShape& shape, const float* x, const float* targets,
                  const std::int64_t* order, std::size_t n, const DescentRule& rule,
                  float* scratch),
                 (weights, shape, x, targets, order, n, rule, scratch))

ENGRAIN_DISPATCH(void, fisher_fastgrnn,
                 (const float* weights, const CellShape& shape, const float* x,
                  const std::int64_t* actions, std::size_t n, float* fisher, float* scratch),
                 (weights, shape, x, actions, n, fisher, scratch))

}  // namespace engrain
