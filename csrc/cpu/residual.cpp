#include "engrain/residual.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "engrain/blocks.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"
#include "engrain/similarity.hpp"
#include "engrain/softmax.hpp"

namespace engrain {
namespace {

constexpr float discount = 0.1F;

// sum += weight times each row of codes, in their order, four rows abreast; `width` is a multiple
// of 64. Rows lie anywhere and are short: they are asked for whole, well before they are used.
template <int W>
ENGRAIN_INLINE void add_codes_body(const std::int8_t* const* rows, const float* weights,
                                   std::size_t n, std::size_t width, float* __restrict sum) {
    constexpr std::size_t abreast = 4, ahead = 12;
    for (std::size_t t = 0; t < std::min(n, ahead); ++t) prefetch_all(rows[t], width);
    std::size_t t = 0;
    for (; t + abreast <= n; t += abreast) {
        for (std::size_t k = t + ahead; k < std::min(n, t + ahead + abreast); ++k)
            prefetch_all(rows[k], width);
        const std::int8_t *a = rows[t], *b = rows[t + 1], *c = rows[t + 2], *d = rows[t + 3];
        const float p = weights[t], q = weights[t + 1], r = weights[t + 2], s = weights[t + 3];
        for (std::size_t j = 0; j < width; ++j)
            sum[j] = (((sum[j] + p * float(a[j])) + q * float(b[j])) + r * float(c[j])) +
                     s * float(d[j]);
    }
    for (; t < n; ++t)
        for (std::size_t j = 0; j < width; ++j) sum[j] += weights[t] * float(rows[t][j]);
}

ENGRAIN_DISPATCH(void, add_codes,
                 (const std::int8_t* const* rows, const float* weights, std::size_t n,
                  std::size_t width, float* sum),
                 (rows, weights, n, width, sum))

// out[j] = sum_i weights[i] rows[i][j] in the order of a dot product over i: by 16 logical lanes,
// which are then folded by halves.
template <int W>
struct AddUp {
    const float* const* rows;
    const float* weights;
    std::size_t n;
    float* out;

    template <class Block>
    ENGRAIN_INLINE void at(const Block& block) {
        simd::Lanes<W> lane[16];
        for (int i = 0; i < 16; ++i) lane[i] = simd::Lanes<W>::zero();
        for (std::size_t i = 0; i < n; ++i) {
            const simd::Lanes<W> row = block.load(rows[i]);
            for (int r = 0; r < simd::Lanes<W>::registers; ++r)
                lane[i % 16].v[r] += row.v[r] * weights[i];
        }
        for (int half = 8; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) lane[i] = lane[i] + lane[i + half];
        block.store(lane[0], out);
    }
};

template <int W>
ENGRAIN_INLINE void add_up_body(const float* const* rows, const float* weights, std::size_t n,
                                std::size_t dim, float* out) {
    AddUp<W> body{rows, weights, n, out};
    for_blocks<W>(dim, body);
}

ENGRAIN_DISPATCH(void, add_up,
                 (const float* const* rows, const float* weights, std::size_t n, std::size_t dim,
                  float* out),
                 (rows, weights, n, dim, out))

// Without branches: nobody can tell which questions point the other way.
void clamp(std::vector<float>& likeness) {
    for (float& like : likeness) like = like > 0.0F ? like : 0.0F;
}

// Places of the memories that take part, best first, ties by place.
std::vector<std::size_t> likely(const Told& told) {
    std::vector<float> worth(told.n);
    for (std::size_t i = 0; i < told.n; ++i) worth[i] = told.scores[i] + 1e3F * told.outcomes[i];
    std::vector<std::size_t> places(told.n);
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return worth[a] > worth[b]; });
    places.resize(std::min(places.size(), Residuals::most));
    return places;
}

}  // namespace

void surprise(const float* scores, const float* outcomes, std::size_t n, float* out) {
    std::vector<double> p(scores, scores + n);
    softmax(p.data(), n, p.data());
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += outcomes[i];
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>(outcomes[i] / sum - p[i]);
}

std::size_t Residuals::size() const noexcept {
    return std::min(static_cast<std::size_t>(held_.next), questions_);
}

void Residuals::resize(std::size_t rows) {
    held_.asked.resize(rows * dim_);
    held_.toward.resize(rows * dim_);
    held_.scope.resize(rows);
    held_.number.resize(rows);
    held_.about.resize(rows * most);
    asked_.resize(rows);
    toward_.resize(rows);
    twins_.resize(rows, -1);
}

void Residuals::code(std::size_t row) {
    asked_.set(row, held_.asked.data() + row * dim_);
    toward_.set(row, held_.toward.data() + row * dim_);
}

void Residuals::load(ResidualRows rows) {
    held_ = std::move(rows);
    twins_.clear();
    resize(held_.scope.size());
    for (std::size_t t = 0; t < held_.scope.size(); ++t) code(t);
}

void Residuals::add(const Told& told) {
    const std::vector<std::size_t> places = likely(told);
    const std::size_t n = places.size();
    std::vector<float> scores, outcomes, beyond(n);
    std::vector<const float*> rows;
    for (const std::size_t place : places) {
        scores.push_back(told.scores[place]);
        outcomes.push_back(told.outcomes[place]);
        rows.push_back(told.centred + place * dim_);
    }
    surprise(scores.data(), outcomes.data(), n, beyond.data());
    for (std::size_t i = 0; i < n; ++i)
        beyond[i] = told.share * (outcomes[i] > 0.0F ? std::max(beyond[i], 0.0F) : beyond[i]);
    const std::size_t at = static_cast<std::size_t>(held_.next) % questions_;
    if (at >= held_.scope.size()) resize(at + 1);
    std::copy_n(told.query, dim_, held_.asked.data() + at * dim_);
    add_up(rows.data(), beyond.data(), n, dim_, held_.toward.data() + at * dim_);
    code(at);
    held_.scope[at] = told.scope;
    held_.number[at] = told.number;
    twins_[at] = told.twin;
    std::int64_t* about = held_.about.data() + at * most;
    std::fill_n(about, most, std::int64_t{-1});
    for (std::size_t i = 0; i < n; ++i) about[i] = told.handles[places[i]];
    ++held_.next;
}

// q . t of all rows; what `similar` knows of them is as if it were taken here.
void Residuals::take_likeness(const float* query, const Similar* similar,
                              std::vector<float>& likeness) const {
    static thread_local std::vector<std::uint32_t> unknown;
    static thread_local std::vector<float> found;
    likeness.resize(size());
    unknown.clear();
    for (std::size_t t = 0; t < size(); ++t) {
        likeness[t] =
            similar == nullptr ? std::numeric_limits<float>::quiet_NaN() : similar->dot(twins_[t]);
        if (std::isnan(likeness[t])) unknown.push_back(static_cast<std::uint32_t>(t));
    }
    if (unknown.empty()) return;
    found.resize(unknown.size());
    asked_.dots(unknown.data(), unknown.size(), asked_.code(query), found.data());
    for (std::size_t i = 0; i < unknown.size(); ++i) likeness[unknown[i]] = found[i];
}

void Residuals::score(std::int64_t scope, const float* query, const Similar* similar,
                      const float* centred, std::size_t n, std::int64_t exclude, float* out) const {
    static thread_local std::vector<const std::int8_t*> rows;
    static thread_local std::vector<float> likeness, weights;
    take_likeness(query, similar, likeness);
    clamp(likeness);
    rows.resize(size());
    weights.resize(size());
    std::size_t taken = 0;
    float all = discount;
    for (std::size_t t = 0; t < size(); ++t) {
        if (held_.scope[t] != scope || (exclude >= 0 && held_.number[t] == exclude)) continue;
        const float like = likeness[t];
        all += like;
        rows[taken] = toward_.codes(t);
        weights[taken] = like * toward_.scale(t);
        taken += like > 0.0F ? 1 : 0;
    }
    std::vector<float> toward(toward_.width());
    add_codes(rows.data(), weights.data(), taken, toward_.width(), toward.data());
    for (float& value : toward) value /= all;
    score_rows(centred, toward.data(), n, dim_, out);
}

void Residuals::forget(std::int64_t handle) noexcept {
    for (std::size_t t = 0; t < size(); ++t) {
        std::int64_t* about = held_.about.data() + t * most;
        if (std::find(about, about + most, handle) == about + most) continue;
        std::fill_n(held_.toward.data() + t * dim_, dim_, 0.0F);
        code(t);
        std::fill_n(about, most, std::int64_t{-1});
    }
}

}  // namespace engrain
