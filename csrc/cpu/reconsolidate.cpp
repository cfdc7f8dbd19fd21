#include "engrain/reconsolidate.hpp"

#include <algorithm>
#include <limits>

#include "engrain/blocks.hpp"
#include "engrain/dot.hpp"

namespace engrain {
namespace {

using simd::Lanes;

constexpr std::size_t together = 4;  // different rows that are read and then turned
constexpr std::size_t batch = 16;    // rows whose square roots and divisions are taken abreast

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

// How to turn N rows at once: m becomes keep m + turn q where it moves at all. Written as loops
// over arrays, which compilers put into whole registers.
//
// tan(angle) of the turn is rate s / (1 - rate + rate c), for cosine c and sine s between m and q.
// In units of the component of q across m it is beta s: the result (1 - beta c) m + beta q of their
// unit vectors then has length sqrt(1 + beta^2 s^2).
template <std::size_t N>
struct Turns {
    double mm[N] = {}, mq[N] = {}, qq[N] = {}, rate[N] = {};
    double c[N], keep[N], turn[N];
    bool directed[N], moves[N];

    ENGRAIN_INLINE void settle(double max_tangent) {
        double m_length[N], q_length[N], ss[N], beta[N];
        for (std::size_t k = 0; k < N; ++k) {
            const double both = mm[k] * qq[k];
            directed[k] = (both > 0.0) & (both <= std::numeric_limits<double>::max());
            m_length[k] = __builtin_sqrt(mm[k]);
            q_length[k] = __builtin_sqrt(qq[k]);
        }
        for (std::size_t k = 0; k < N; ++k) {
            const double cosine = mq[k] / (m_length[k] * q_length[k]);
            const double low = cosine < -1.0 ? -1.0 : cosine;
            c[k] = low > 1.0 ? 1.0 : low;
            moves[k] = directed[k] & (rate[k] != 0.0) & (c[k] * c[k] != 1.0);
            const double across = 1.0 - c[k] * c[k];
            ss[k] = across > 0.0 ? across : 0.0;
        }
        for (std::size_t k = 0; k < N; ++k) {
            const double s = __builtin_sqrt(ss[k]), ahead = 1.0 - rate[k] + rate[k] * c[k];
            const double wanted = rate[k] / ahead,
                         most = __builtin_copysign(max_tangent / s, rate[k]);
            const bool within =
                (ahead > 0.0) & (__builtin_fabs(rate[k]) * s <= max_tangent * ahead);
            beta[k] = within ? wanted : most;
        }
        for (std::size_t k = 0; k < N; ++k) {
            const double length = __builtin_sqrt(1.0 + beta[k] * beta[k] * ss[k]);
            keep[k] = (1.0 - beta[k] * c[k]) / length / m_length[k];
            turn[k] = beta[k] / length / q_length[k];
        }
    }
};

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
ENGRAIN_INLINE void turn(float* row, const float* query, double keep, double turn,
                         std::size_t dim) {
    Combine<W> combine{row, query, {}, {}};
    combine.keep = Lanes<W>::splat(float(keep));
    combine.turn = Lanes<W>::splat(float(turn));
    for_blocks<W>(dim, combine);
}

template <int W>
ENGRAIN_INLINE void turn_rows_body(float* memories, const std::int64_t* rows, const float* query,
                                   float square, const Aspect* aspects, const float* rates,
                                   std::size_t n, std::size_t dim, float max_tangent) {
    for (std::size_t i = 0; i < n; i += batch) {
        const std::size_t count = std::min(batch, n - i);
        Turns<batch> turns;
        for (std::size_t k = 0; k < count; ++k) {
            turns.mm[k] = aspects[i + k].square;
            turns.mq[k] = aspects[i + k].inner;
            turns.qq[k] = square;
            turns.rate[k] = rates[i + k];
        }
        turns.settle(max_tangent);
        for (std::size_t k = 0; k < count; ++k)
            if (turns.moves[k])
                turn<W>(memories + std::size_t(rows[i + k]) * dim, query, turns.keep[k],
                        turns.turn[k], dim);
    }
}

// Up to `together` different rows.
template <int W>
ENGRAIN_INLINE void reconsolidate_rows(float* const* rows, const float* const* queries,
                                       const float* squares, const float* rates, std::size_t n,
                                       std::size_t dim, double max_tangent, float* cosine) {
    Turns<together> turns;
    for (std::size_t i = 0; i < n; ++i) {
        Inner<W> inner{rows[i], queries[i], {}, {}};
        for_blocks<W>(dim, inner);
        turns.mm[i] = inner.mm.sum();
        turns.mq[i] = inner.mq.sum();
        turns.qq[i] = squares[i];
        turns.rate[i] = rates[i];
    }
    turns.settle(max_tangent);
    for (std::size_t i = 0; i < n; ++i) {
        cosine[i] = turns.directed[i] ? float(turns.c[i]) : 0.0F;
        if (turns.moves[i]) turn<W>(rows[i], queries[i], turns.keep[i], turns.turn[i], dim);
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
