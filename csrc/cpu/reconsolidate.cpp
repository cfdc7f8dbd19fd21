#include "engrain/reconsolidate.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/blocks.hpp"
#include "engrain/dot.hpp"

namespace engrain {
namespace {

using simd::Lanes;

// Rows whose square roots and divisions overlap.
constexpr std::size_t together = 4;

template <int W>
struct Inner {  // m . m and m . q in one pass
    const float *m, *q;
    Lanes<W> mm, mq;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> mi = block.load(m);
        mm = mm + mi * mi;
        mq = mq + mi * block.load(q);
    }
};

template <int W>
struct Combine {  // m = keep m + turn q
    float* m;
    const float* q;
    Lanes<W> keep, turn;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        block.store(keep * block.load(m) + turn * block.load(q), m);
    }
};

struct Turn {
    double keep, turn;  // of the unit vectors of m and q
};

// tan(angle) of the turn is rate s / (1 - rate + rate c), for cosine c and sine s between m and q.
// In units of the component of q across m it is beta s: the result (1 - beta c) m + beta q then has
// length sqrt(1 + beta^2 s^2).
ENGRAIN_INLINE Turn bounded(double c, double rate, double max_tangent) {
    const double ss = std::max(0.0, 1.0 - c * c), s = std::sqrt(ss), ahead = 1.0 - rate + rate * c;
    const bool in_bounds = ahead > 0.0 && std::fabs(rate) * s <= max_tangent * ahead;
    const double beta = in_bounds ? rate / ahead : std::copysign(max_tangent / s, rate);
    const double length = std::sqrt(1.0 + beta * beta * ss);
    return {(1.0 - beta * c) / length, beta / length};
}

struct Step {
    float cosine, keep, turn;  // of m and q as they are
    bool moves;
};

ENGRAIN_INLINE Step step_of(double mm, double mq, double qq, float rate, double max_tangent) {
    if (!(mm * qq > 0.0) || !std::isfinite(mm * qq)) return {0.0F, 1.0F, 0.0F, false};
    const double m_length = std::sqrt(mm), q_length = std::sqrt(qq);
    const double c = std::clamp(mq / (m_length * q_length), -1.0, 1.0);
    if (rate == 0.0F || c * c == 1.0) return {float(c), 1.0F, 0.0F, false};
    const Turn turn = bounded(c, rate, max_tangent);
    return {float(c), float(turn.keep / m_length), float(turn.turn / q_length), true};
}

// G rows read side by side: pull is what they add to it, on top of what it holds unless `fresh`.
template <int W, int G>
struct Survey {
    const float *rows[G], *q;
    float* pull;
    bool fresh;
    Lanes<W> none, weights[G], mm[G], mq[G];

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> qi = block.load(q);
        Lanes<W> total = none;
        if (!fresh) total = block.load(pull);
        for (int g = 0; g < G; ++g) {
            const Lanes<W> mi = block.load(rows[g]);
            mm[g] = mm[g] + mi * mi;
            mq[g] = mq[g] + mi * qi;
            total = total + weights[g] * mi;
        }
        block.store(total, pull);
    }
};

template <int W, int G>
ENGRAIN_INLINE void survey_group(const float* memories, const std::int64_t* rows,
                                 const float* query, const float* weights, std::size_t dim,
                                 bool fresh, Aspect* aspects, float* pull) {
    Survey<W, G> survey;
    survey.q = query;
    survey.pull = pull;
    survey.fresh = fresh;
    survey.none = Lanes<W>::zero();
    for (int g = 0; g < G; ++g) {
        survey.rows[g] = memories + std::size_t(rows[g]) * dim;
        survey.weights[g] = Lanes<W>::splat(weights[g]);
        survey.mm[g] = survey.mq[g] = Lanes<W>::zero();
    }
    for_blocks<W>(dim, survey);
    for (int g = 0; g < G; ++g) aspects[g] = {survey.mm[g].sum(), survey.mq[g].sum()};
}

template <int W>
ENGRAIN_INLINE float survey_rows_body(const float* memories, const std::int64_t* rows,
                                      const float* query, const float* weights, std::size_t n,
                                      std::size_t dim, Aspect* aspects, float* pull) {
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4)
        survey_group<W, 4>(memories, rows + i, query, weights + i, dim, i == 0, aspects + i, pull);
    if (i + 2 <= n) {
        survey_group<W, 2>(memories, rows + i, query, weights + i, dim, i == 0, aspects + i, pull);
        i += 2;
    }
    if (i < n)
        survey_group<W, 1>(memories, rows + i, query, weights + i, dim, i == 0, aspects + i, pull);
    if (n == 0) std::fill_n(pull, dim, 0.0F);
    return dot<W>(query, query, dim);
}

template <int W>
ENGRAIN_INLINE void turn(float* row, const float* query, const Step& step, std::size_t dim) {
    Combine<W> combine{row, query, {}, {}};
    combine.keep = Lanes<W>::splat(step.keep);
    combine.turn = Lanes<W>::splat(step.turn);
    for_blocks<W>(dim, combine);
}

template <int W>
ENGRAIN_INLINE void turn_rows_body(float* memories, const std::int64_t* rows, const float* query,
                                   float square, const Aspect* aspects, const float* rates,
                                   std::size_t n, std::size_t dim, float max_tangent) {
    Step step[together];
    for (std::size_t i = 0; i < n; i += together) {
        const std::size_t count = std::min(together, n - i);
        for (std::size_t k = 0; k < count; ++k)
            step[k] = step_of(aspects[i + k].square, aspects[i + k].inner, square, rates[i + k],
                              max_tangent);
        for (std::size_t k = 0; k < count; ++k)
            if (step[k].moves)
                turn<W>(memories + std::size_t(rows[i + k]) * dim, query, step[k], dim);
    }
}

// Up to `together` different rows.
template <int W>
ENGRAIN_INLINE void reconsolidate_rows(float* const* rows, const float* const* queries,
                                       const float* squares, const float* rates, std::size_t n,
                                       std::size_t dim, double max_tangent, float* cosine) {
    float mm[together], mq[together];
    Step step[together];
    for (std::size_t i = 0; i < n; ++i) {
        Inner<W> inner{rows[i], queries[i], {}, {}};
        for_blocks<W>(dim, inner);
        mm[i] = inner.mm.sum();
        mq[i] = inner.mq.sum();
    }
    for (std::size_t i = 0; i < n; ++i) {
        step[i] = step_of(mm[i], mq[i], squares[i], rates[i], max_tangent);
        cosine[i] = step[i].cosine;
    }
    for (std::size_t i = 0; i < n; ++i)
        if (step[i].moves) turn<W>(rows[i], queries[i], step[i], dim);
}

template <int W>
ENGRAIN_INLINE void reconsolidate_body(float* memories, const std::int64_t* rows,
                                       const float* queries, std::size_t query_stride,
                                       const float* rates, std::size_t n, std::size_t dim,
                                       float max_tangent, float* cosine) {
    float* m[together];
    const float* q[together];
    float squares[together];
    const float shared = n > 0 && query_stride == 0 ? dot<W>(queries, queries, dim) : 0.0F;
    for (std::size_t i = 0; i < n;) {
        std::size_t count = 0;
        for (; count < together && i + count < n; ++count) {
            m[count] = memories + std::size_t(rows[i + count]) * dim;
            q[count] = queries + (i + count) * query_stride;
            if (std::find(m, m + count, m[count]) != m + count) break;  // in order
            squares[count] = query_stride == 0 ? shared : dot<W>(q[count], q[count], dim);
        }
        reconsolidate_rows<W>(m, q, squares, rates + i, count, dim, max_tangent, cosine + i);
        i += count;
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, reconsolidate,
                 (float* memories, const std::int64_t* rows, const float* queries,
                  std::size_t query_stride, const float* rates, std::size_t n, std::size_t dim,
                  float max_tangent, float* cosine),
                 (memories, rows, queries, query_stride, rates, n, dim, max_tangent, cosine))
ENGRAIN_DISPATCH(float, survey_rows,
                 (const float* memories, const std::int64_t* rows, const float* query,
                  const float* weights, std::size_t n, std::size_t dim, Aspect* aspects,
                  float* pull),
                 (memories, rows, query, weights, n, dim, aspects, pull))
ENGRAIN_DISPATCH(void, turn_rows,
                 (float* memories, const std::int64_t* rows, const float* query, float square,
                  const Aspect* aspects, const float* rates, std::size_t n, std::size_t dim,
                  float max_tangent),
                 (memories, rows, query, square, aspects, rates, n, dim, max_tangent))

}  // namespace engrain
