#include "engrain/safeguard.hpp"

#include <utility>

#include "engrain/rank.hpp"
#include "engrain/transcendental.hpp"

namespace engrain {
namespace {

constexpr double pi_squared = 9.869604401089358;

// Log-loss of a list under weights; scores: n floats.
double list_loss(const float* rows, const float* outcomes, std::size_t n, std::size_t columns,
                 const double* weights, float* scores) noexcept {
    weigh_rows(rows, weights, n, columns, scores);
    const double top = *std::max_element(scores, scores + n);
    double total = 0, hit = 0, told = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double z = scores[i] - top;
        total += exp(z);
        hit += outcomes[i] * z;
        told += outcomes[i];
    }
    return log(total) - hit / told;
}

double bounded(double difference) noexcept {
    return std::min(std::max(difference / loss_span, -1.0), 1.0);
}

}  // namespace

Gate::Gate(std::vector<std::int32_t> group, std::size_t groups)
    : open(groups, 1), bets(groups), group_(std::move(group)), weights_(group_.size()) {}

void Gate::reserve(std::size_t n) { scores_.resize(std::max(scores_.size(), n)); }

void Gate::blend(const double* full, const double* control, double* out) const noexcept {
    const bool any = std::any_of(open.begin(), open.end(), [](std::uint8_t o) { return o != 0; });
    if (!any) {
        std::copy_n(control, group_.size(), out);
        return;
    }
    for (std::size_t k = 0; k < group_.size(); ++k)
        out[k] = group_[k] < 0 || open[static_cast<std::size_t>(group_[k])] ? full[k] : 0.0;
}

double Gate::loss(const float* rows, const float* outcomes, std::size_t n, const double* full,
                  const double* control) noexcept {
    blend(full, control, weights_.data());
    return list_loss(rows, outcomes, n, group_.size(), weights_.data(), scores_.data());
}

void Gate::observe(const float* rows, const float* outcomes, std::size_t n, const double* full,
                   const double* control, double share) noexcept {
    const double standing = loss(rows, outcomes, n, full, control);
    for (std::size_t g = 0; g < open.size(); ++g) {
        const std::uint8_t stood = open[g];
        open[g] = !stood;
        const double gain = bounded(standing - loss(rows, outcomes, n, full, control));
        open[g] = stood;
        if (bets[g].observe(share * gain, true) * alpha < 1.0) continue;
        open[g] = !stood;
        bets[g].restart();
        return;  // the other groups are judged beside the new standing, from the next list on
    }
}

Keeper::Keeper(const Ranker& live, double alpha)
    : weights(live.weights),
      scales(live.scales),
      precision(live.precision),
      moments(live.moments),
      seen(live.seen),
      alpha_(alpha) {}

void Keeper::reserve(std::size_t n) { scores_.resize(std::max(scores_.size(), n)); }

Keeper::Verdict Keeper::observe(Ranker& live, const float* rows, const float* outcomes,
                                std::size_t n, double share) noexcept {
    const std::size_t columns = live.columns();
    const double now = list_loss(rows, outcomes, n, columns, live.weights.data(), scores_.data());
    const double then = list_loss(rows, outcomes, n, columns, weights.data(), scores_.data());
    const double harm = share * bounded(now - then);
    const double order = static_cast<double>(chapter);
    const double needed = pi_squared / 6.0 * order * order / alpha_;
    const bool is_worse = worse.observe(harm, false) >= needed;
    const bool is_better = better.observe(-harm, false) >= needed;
    if (!is_worse && !is_better) return Verdict::open;
    if (is_worse)
        restore(live);
    else
        keep(live);
    ++chapter;
    worse.restart();
    better.restart();
    return is_worse ? Verdict::worse : Verdict::better;
}

void Keeper::keep(const Ranker& live) noexcept {
    std::copy(live.weights.begin(), live.weights.end(), weights.begin());
    std::copy(live.scales.begin(), live.scales.end(), scales.begin());
    std::copy(live.precision.begin(), live.precision.end(), precision.begin());
    std::copy(live.moments.begin(), live.moments.end(), moments.begin());
    std::copy(live.seen.begin(), live.seen.end(), seen.begin());
}

void Keeper::restore(Ranker& live) const noexcept {
    for (std::size_t k = 0; k < weights.size(); ++k)
        if (live.learnable[k]) live.weights[k] = weights[k];
    std::copy(scales.begin(), scales.end(), live.scales.begin());
    std::copy(precision.begin(), precision.end(), live.precision.begin());
    std::copy(moments.begin(), moments.end(), live.moments.begin());
    std::copy(seen.begin(), seen.end(), live.seen.begin());
    live.waiting.clear();
}

}  // namespace engrain
