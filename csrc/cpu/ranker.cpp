#include "engrain/ranker.hpp"

#include <algorithm>
#include <limits>

namespace engrain {
namespace {

constexpr Step nothing{std::numeric_limits<double>::quiet_NaN(), 0.0};

// (n, n) becomes (n + 1, n + 1), the new row and column 0.
void widen(std::vector<double>& square, std::size_t n) {
    std::vector<double> wider((n + 1) * (n + 1), 0.0);
    for (std::size_t i = 0; i < n; ++i)
        std::copy_n(square.data() + i * n, n, wider.data() + i * (n + 1));
    square.swap(wider);
}

template <class T>
void widen_rows(std::vector<T>& rows, std::size_t n, std::size_t columns) {
    std::vector<T> wider(n * (columns + 1), T{});
    for (std::size_t i = 0; i < n; ++i)
        std::copy_n(rows.data() + i * columns, columns, wider.data() + i * (columns + 1));
    rows.swap(wider);
}

}  // namespace

void Ranker::add_column(std::int8_t sign, double of_base, double weight, bool learns, double held) {
    const std::size_t c = columns();
    signs.push_back(sign);
    learnable.push_back(learns);
    base.push_back(of_base);
    weights.push_back(weight);
    scales.push_back(1.0);
    stiffness.push_back(held);
    seen.push_back(0);
    widen(precision, c);
    precision.back() = lam * held;
    widen_rows(moments, 3, c);
    for (List& list : waiting) widen_rows(list.rows, list.outcomes.size(), c);
    active_.resize(c + 1);
    fresh_.resize(c + 1);
    direction_.resize(c + 1);
}

void Ranker::reserve(std::size_t n) {
    std::size_t longest = n;
    for (const List& list : waiting) longest = std::max(longest, list.outcomes.size());
    scratch_.resize(std::max(scratch_.size(), laplace_scratch(longest, columns())));
    if (std::any_of(seen.begin(), seen.end(), [](std::int64_t s) { return s >= warm_up; })) return;
    waiting.reserve(waiting.size() + 1);
    spare_.rows.reserve(n * columns());
    spare_.outcomes.reserve(n);
}

bool Ranker::settled() const noexcept {
    return waiting.empty() &&
           std::any_of(seen.begin(), seen.end(), [](std::int64_t s) { return s >= warm_up; });
}

Step Ranker::step(const float* rows, const float* outcomes, std::size_t n,
                  double information) noexcept {
    if (std::none_of(outcomes, outcomes + n, [](float y) { return y > 0.0F; })) return nothing;
    const auto unsettled = [](std::int64_t s) { return s < warm_up; };
    if (std::none_of(seen.begin(), seen.end(), unsettled))
        return learn(rows, outcomes, n, information);
    const bool none = std::all_of(seen.begin(), seen.end(), unsettled);
    const std::size_t c = columns();
    if (none) {
        spare_.rows.assign(rows, rows + n * c);
        spare_.outcomes.assign(outcomes, outcomes + n);
        spare_.information = information;
        waiting.push_back(std::move(spare_));
        spare_ = {};
    }
    measure(rows, n);
    settle(none);
    if (std::all_of(seen.begin(), seen.end(), unsettled)) return nothing;
    if (waiting.empty()) return learn(rows, outcomes, n, information);
    Step last = nothing;
    for (const List& list : waiting)
        last =
            learn(list.rows.data(), list.outcomes.data(), list.outcomes.size(), list.information);
    waiting.clear();
    return last;
}

Step Ranker::learn(const float* rows, const float* outcomes, std::size_t n,
                   double information) noexcept {
    for (std::size_t j = 0; j < columns(); ++j) active_[j] = learnable[j] && seen[j] >= warm_up;
    return laplace_step(rows, outcomes, n, columns(), information, clip, active_.data(),
                        signs.data(), scales.data(), weights.data(), precision.data(),
                        scratch_.data());
}

// A list says nothing of the deviation of a column that is the same all over it, as evidence is
// before there is any.
void Ranker::measure(const float* rows, std::size_t n) noexcept {
    const std::size_t c = columns();
    for (std::size_t j = 0; j < c; ++j) {
        fresh_[j] = false;
        bool varies = false;
        for (std::size_t i = 1; i < n; ++i) varies |= rows[i * c + j] != rows[j];
        if (seen[j] >= warm_up || !varies) continue;
        for (std::size_t i = 0; i < n; ++i) {
            const double value = rows[i * c + j];
            moments[j] += 1;
            moments[c + j] += value;
            moments[2 * c + j] += value * value;
        }
        fresh_[j] = ++seen[j] == warm_up;
    }
}

// Fixes the deviations of the fresh columns and their prior precision; those that settle first
// have the base direction free, as the temperature of the scores.
void Ranker::settle(bool first) noexcept {
    const std::size_t c = columns();
    double square = 0.0;
    bool any = false;
    for (std::size_t j = 0; j < c; ++j) {
        direction_[j] = 0.0;
        if (!fresh_[j]) continue;
        any = true;
        const double count = moments[j], mean = moments[c + j] / count;
        const double variance = std::max(0.0, moments[2 * c + j] / count - mean * mean);
        scales[j] = std::max(smallest_scale, __builtin_sqrt(variance));
        direction_[j] = stiffness[j] * (base[j] * scales[j]);
        square += direction_[j] * (base[j] * scales[j]);
    }
    if (!any) return;
    for (std::size_t j = 0; j < c; ++j)
        for (std::size_t k = 0; k < c; ++k)
            if (fresh_[j] || fresh_[k]) precision[j * c + k] = j == k ? lam * stiffness[j] : 0.0;
    if (!first || !(square > 0.0)) return;
    const double length = __builtin_sqrt(square), loosened = base_looseness * lam;
    for (std::size_t j = 0; j < c; ++j) direction_[j] /= length;
    for (std::size_t j = 0; j < c; ++j)
        for (std::size_t k = 0; k < c; ++k)
            precision[j * c + k] -= loosened * (direction_[j] * direction_[k]);
}

void Ranker::take_fit(const double* fitted, const double* of_scales, const double* of_precision) {
    const std::size_t c = columns();
    std::copy_n(fitted, c, weights.data());
    if (of_scales == nullptr || of_precision == nullptr) return;
    std::copy_n(of_scales, c, scales.data());
    std::copy_n(of_precision, c * c, precision.data());
    for (std::int64_t& s : seen) s = std::max(s, warm_up);
    waiting.clear();
}

}  // namespace engrain
