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

// Up to `together` different rows.
template <int W>
ENGRAIN_INLINE void turn_rows(float* const* rows, const float* const* queries, const float* squares,
                              const float* rates, std::size_t n, std::size_t dim,
                              double max_tangent, float* cosine) {
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
    for (std::size_t i = 0; i < n; ++i) {
        if (!step[i].moves) continue;
        Combine<W> combine{rows[i], queries[i], {}, {}};
        combine.keep = Lanes<W>::splat(step[i].keep);
        combine.turn = Lanes<W>::splat(step[i].turn);
        for_blocks<W>(dim, combine);
    }
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
        turn_rows<W>(m, q, squares, rates + i, count, dim, max_tangent, cosine + i);
        i += count;
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, reconsolidate,
                 (float* memories, const std::int64_t* rows, const float* queries,
                  std::size_t query_stride, const float* rates, std::size_t n, std::size_t dim,
                  float max_tangent, float* cosine),
                 (memories, rows, queries, query_stride, rates, n, dim, max_tangent, cosine))

}  // namespace engrain
