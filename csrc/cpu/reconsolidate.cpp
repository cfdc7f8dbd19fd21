#include "engrain/reconsolidate.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/blocks.hpp"

namespace engrain {
namespace {

using simd::Lanes;

template <int W>
struct Inner {  // m . m, q . q and m . q in one pass
    const float *m, *q;
    Lanes<W> mm, qq, mq;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        const Lanes<W> mi = block.load(m), qi = block.load(q);
        mm = mm + mi * mi;
        qq = qq + qi * qi;
        mq = mq + mi * qi;
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

template <int W>
ENGRAIN_INLINE float turn_one(float* m, const float* q, float rate, std::size_t dim,
                              double max_tangent) {
    Inner<W> inner{m, q, {}, {}, {}};
    for_blocks<W>(dim, inner);
    const double mm = inner.mm.sum(), qq = inner.qq.sum(), mq = inner.mq.sum();
    if (!(mm * qq > 0.0) || !std::isfinite(mm * qq)) return 0.0F;
    const double m_length = std::sqrt(mm), q_length = std::sqrt(qq);
    const double c = std::clamp(mq / (m_length * q_length), -1.0, 1.0);
    if (rate == 0.0F || c * c == 1.0) return float(c);
    const Turn turn = bounded(c, rate, max_tangent);
    Combine<W> combine{m, q, {}, {}};
    combine.keep = Lanes<W>::splat(float(turn.keep / m_length));
    combine.turn = Lanes<W>::splat(float(turn.turn / q_length));
    for_blocks<W>(dim, combine);
    return float(c);
}

template <int W>
ENGRAIN_INLINE void reconsolidate_body(float* memories, const std::int64_t* rows,
                                       const float* queries, std::size_t query_stride,
                                       const float* rates, std::size_t n, std::size_t dim,
                                       float max_tangent, float* cosine) {
    for (std::size_t i = 0; i < n; ++i)
        cosine[i] = turn_one<W>(memories + std::size_t(rows[i]) * dim, queries + i * query_stride,
                                rates[i], dim, max_tangent);
}

}  // namespace

ENGRAIN_DISPATCH(void, reconsolidate,
                 (float* memories, const std::int64_t* rows, const float* queries,
                  std::size_t query_stride, const float* rates, std::size_t n, std::size_t dim,
                  float max_tangent, float* cosine),
                 (memories, rows, queries, query_stride, rates, n, dim, max_tangent, cosine))

}  // namespace engrain
