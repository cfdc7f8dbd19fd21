#include "engrain/topk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "engrain/dot.hpp"
#include "engrain/flat.hpp"
#include "engrain/prefetch.hpp"

namespace engrain {
namespace {

constexpr std::size_t block = 256;  // rows scored before the list looks at them
constexpr std::size_t rows_ahead = 4;
constexpr std::size_t streams = 4;  // places that rows are read from side by side

bool worse(const Best& best, std::size_t a, std::size_t b) noexcept {
    return best.score[a] < best.score[b] ||
           (best.score[a] == best.score[b] && best.index[a] > best.index[b]);
}

void exchange(Best& best, std::size_t a, std::size_t b) noexcept {
    std::swap(best.score[a], best.score[b]);
    std::swap(best.index[a], best.index[b]);
}

void sift_down(Best& best, std::size_t at, std::size_t size) noexcept {
    for (std::size_t child = 2 * at + 1; child < size; at = child, child = 2 * at + 1) {
        if (child + 1 < size && worse(best, child + 1, child)) ++child;
        if (!worse(best, child, at)) return;
        exchange(best, at, child);
    }
}

void make_heap(Best& best) noexcept {
    for (std::size_t at = best.size / 2; at-- > 0;) sift_down(best, at, best.size);
}

void offer(Best& best, float score, std::int64_t index) noexcept {
    if (best.size < best.k) {
        if (score != score) return;
        best.score[best.size] = score;
        best.index[best.size] = index;
        if (++best.size == best.k) make_heap(best);
    } else if (score > best.score[0] || (score == best.score[0] && index < best.index[0])) {
        best.score[0] = score;
        best.index[0] = index;
        sift_down(best, 0, best.size);
    }
}

template <int W>
ENGRAIN_INLINE bool any_reaching(const float* scores, float bound) {
    int reaching = 0;
    for (int lane = 0; lane < 16; ++lane) reaching |= scores[lane] >= bound ? 1 : 0;
    return reaching != 0;
}

template <int W>
ENGRAIN_INLINE void offer_scores_body(Best& best, const float* scores, std::size_t n,
                                      std::int64_t first) {
    std::size_t i = 0;
    if (best.k == 0) return;
    while (i < n && best.size < best.k) offer(best, scores[i], first + std::int64_t(i)), ++i;
    for (; i + 16 <= n; i += 16)
        if (any_reaching<W>(scores + i, best.score[0]))
            for (std::size_t j = i; j < i + 16; ++j)
                offer(best, scores[j], first + std::int64_t(j));
    for (; i < n; ++i) offer(best, scores[i], first + std::int64_t(i));
}

// Inner products of the query with rows that lie `apart` numbers from each other.
template <int W>
ENGRAIN_INLINE void dot_streams(const float* row, std::size_t apart, const float* query,
                                std::size_t dim, float (*scores)[block], std::size_t at) {
    using simd::Lanes;
    Lanes<W> totals[streams];
    for (auto& total : totals) total = Lanes<W>::zero();
    std::size_t i = 0;
    for (; i + 16 <= dim; i += 16) {
        const Lanes<W> q = Lanes<W>::load(query + i);
        for (std::size_t s = 0; s < streams; ++s)
            totals[s] = totals[s] + Lanes<W>::load(row + s * apart + i) * q;
    }
    if (i < dim) {
        const Lanes<W> q = Lanes<W>::load_partial(query + i, dim - i);
        for (std::size_t s = 0; s < streams; ++s)
            totals[s] = totals[s] + Lanes<W>::load_partial(row + s * apart + i, dim - i) * q;
    }
    for (std::size_t s = 0; s < streams; ++s) scores[s][at] = totals[s].sum();
}

// More lines are under way when the rows come from several places than from one, where the machine
// looks ahead only so far.
template <int W>
ENGRAIN_INLINE void scan_rows_body(Best& best, const float* rows, std::size_t n, std::size_t dim,
                                   const float* query) {
    float scores[streams][block];
    const std::size_t part = n / streams;
    for (std::size_t start = 0; start < part; start += block) {
        const std::size_t count = std::min(block, part - start);
        for (std::size_t i = 0; i < count; ++i)
            dot_streams<W>(rows + (start + i) * dim, part * dim, query, dim, scores, i);
        for (std::size_t s = 0; s < streams; ++s)
            offer_scores_body<W>(best, scores[s], count, std::int64_t(s * part + start));
    }
    for (std::size_t i = streams * part; i < n; ++i) {
        const float score = dot<W>(rows + i * dim, query, dim);
        offer_scores_body<W>(best, &score, 1, std::int64_t(i));
    }
}

template <int W>
ENGRAIN_INLINE void offer_rows_body(Best& best, const float* rows, std::size_t dim,
                                    const float* query, const std::int64_t* indices,
                                    std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        if (i + rows_ahead < n)
            prefetch_row(rows + std::size_t(indices[i + rows_ahead]) * dim, dim);
        const float score = dot<W>(rows + std::size_t(indices[i]) * dim, query, dim);
        offer_scores_body<W>(best, &score, 1, indices[i]);
    }
}

// Scores between which the rows of a block lie.
template <int W>
ENGRAIN_INLINE void bound_scores_body(const std::int32_t* dots, const float* scale, std::size_t n,
                                      const CodedQuery& query, float* low, float* high) {
    for (std::size_t i = 0; i < n; ++i) {
        const float middle = query.step * float(dots[i]);
        low[i] = scale[i] * (middle - query.margin);
        high[i] = scale[i] * (middle + query.margin);
    }
}

}  // namespace

ENGRAIN_DISPATCH(void, offer_scores,
                 (Best & best, const float* scores, std::size_t n, std::int64_t first),
                 (best, scores, n, first))
ENGRAIN_DISPATCH(void, scan_rows,
                 (Best & best, const float* rows, std::size_t n, std::size_t dim,
                  const float* query),
                 (best, rows, n, dim, query))
ENGRAIN_DISPATCH(void, offer_rows,
                 (Best & best, const float* rows, std::size_t dim, const float* query,
                  const std::int64_t* indices, std::size_t n),
                 (best, rows, dim, query, indices, n))

namespace {

ENGRAIN_DISPATCH(void, bound_scores,
                 (const std::int32_t* dots, const float* scale, std::size_t n,
                  const CodedQuery& query, float* low, float* high),
                 (dots, scale, n, query, low, high))

// Keeps what reaches the bound, in place.
std::size_t keep_reaching(float bound, float* ceilings, std::int64_t* rows, std::size_t n) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const float ceiling = ceilings[i];
        rows[kept] = rows[i];
        ceilings[kept] = ceiling;
        kept += ceiling < bound ? 0 : 1;  // what overflowed is kept
    }
    return kept;
}

}  // namespace

void sort_best(Best& best) noexcept {
    make_heap(best);
    for (std::size_t size = best.size; size > 1; --size) {
        exchange(best, 0, size - 1);
        sift_down(best, 0, size - 1);
    }
}

// No number of a row lies farther than half its scale from its code, and none is beyond 127 of them
// (Hoelder). The rest of the slack covers rounding, which grows with the numbers summed.
CodedQuery code_query(const float* padded, std::size_t dim, std::size_t width,
                      std::int8_t* codes) noexcept {
    const float step = quantize_row(padded, width, codes);
    double size = 0.0, lost = 0.0;
    for (std::size_t j = 0; j < dim; ++j) {
        size += std::abs(double(padded[j]));
        lost += std::abs(double(padded[j]) - double(step) * codes[j]);
    }
    const double slack = 0.501 + 1e-6 * double(dim);
    return {codes, step, static_cast<float>(slack * size + 127.1 * lost)};
}

std::size_t sift_codes(const std::int8_t* codes, const float* scale, std::size_t n,
                       std::size_t width, const CodedQuery& query, Best& least, float* ceilings,
                       std::int64_t* rows) noexcept {
    std::uint32_t members[block];
    std::int32_t dots[block];
    float low[block];
    for (std::size_t i = 0; i < block; ++i) members[i] = std::uint32_t(i);
    constexpr float none = -std::numeric_limits<float>::infinity();
    std::size_t found = 0;
    for (std::size_t start = 0; start < n; start += block) {
        const std::size_t count = std::min(block, n - start);
        dot_codes(codes + start * width, width, members, count, query.codes, dots);
        bound_scores(dots, scale + start, count, query, low, ceilings + found);
        offer_scores(least, low, count, std::int64_t(start));
        for (std::size_t i = 0; i < count; ++i) rows[found + i] = std::int64_t(start + i);
        const float bound = least.size == least.k ? least.score[0] : none;
        found += keep_reaching(bound, ceilings + found, rows + found, count);
    }
    return least.size == least.k ? keep_reaching(least.score[0], ceilings, rows, found) : found;
}

}  // namespace engrain
