#include "engrain/fsrs.hpp"

#include <algorithm>
#include <cmath>

#include "engrain/transcendental64.hpp"

namespace engrain {
namespace {

using simd::exp_wide;
using simd::log_wide;
using simd::Wide;

constexpr double least_stability = 0.001;

struct Constants {  // what depends on the parameters alone
    const double* w;
    double forgetting;                   // F of the forgetting curve
    double gain;                         // e^w8
    double lapse_cap;                    // e^-(w17 w18)
    double stability[5], difficulty[5];  // of a new card, by rating
    double easy_difficulty;              // what difficulty reverts to, not clamped
    double same_day[5];                  // w17 (rating - 3 + w18)
    double bonus[5];                     // hard penalty and easy bonus

    explicit Constants(const double* parameters) : w(parameters) {
        forgetting = engrain::exp(-engrain::log(0.9) / w[20]) - 1.0;
        gain = engrain::exp(w[8]);
        lapse_cap = engrain::exp(-w[17] * w[18]);
        for (int rating = 1; rating <= 4; ++rating) {
            const double first = w[4] - engrain::exp(w[5] * (rating - 1)) + 1.0;
            if (rating == 4) easy_difficulty = first;
            stability[rating] = std::max(w[rating - 1], least_stability);
            difficulty[rating] = std::min(std::max(first, 1.0), 10.0);
            same_day[rating] = w[17] * (rating - 3 + w[18]);
            bonus[rating] = rating == 2 ? w[15] : rating == 4 ? w[16] : 1.0;
        }
    }
};

template <int D>
struct Card {
    using F = typename Wide<D>::F;
    F stability, difficulty, elapsed, rating, bonus, same_day;
};

template <int D>
ENGRAIN_INLINE typename Wide<D>::F retrievability(typename Wide<D>::F stability,
                                                  typename Wide<D>::F elapsed, const Constants& c) {
    return exp_wide<D>(-c.w[20] * log_wide<D>(1.0 + c.forgetting * elapsed / stability));
}

template <int D>
ENGRAIN_INLINE typename Wide<D>::F next_stability(const Card<D>& card, const Constants& c) {
    using V = Wide<D>;
    using F = typename V::F;
    const double* w = c.w;
    const F s = card.stability, log_s = log_wide<D>(s);
    const F missing = 1.0 - retrievability<D>(s, card.elapsed, c);
    const F recalled = s * (1.0 + c.gain * (11.0 - card.difficulty) * exp_wide<D>(-w[9] * log_s) *
                                      (exp_wide<D>(missing * w[10]) - 1.0) * card.bonus);
    const F lapsed = w[11] * exp_wide<D>(missing * w[14] - w[12] * log_wide<D>(card.difficulty)) *
                     (exp_wide<D>(w[13] * log_wide<D>(s + 1.0)) - 1.0);
    const F factor = exp_wide<D>(card.same_day - w[19] * log_s);
    const F same_day = s * V::select(card.rating > 1.5, V::larger(factor, V::splat(1.0)), factor);
    const F later = V::select(card.rating > 1.5, recalled, V::smaller(lapsed, s * c.lapse_cap));
    return V::larger(V::select(card.elapsed < 1.0, same_day, later), V::splat(least_stability));
}

template <int D>
ENGRAIN_INLINE typename Wide<D>::F next_difficulty(const Card<D>& card, const Constants& c) {
    using V = Wide<D>;
    using F = typename V::F;
    const F change = (10.0 - card.difficulty) * (-c.w[6] * (card.rating - 3.0)) / 9.0;
    const F next = c.w[7] * c.easy_difficulty + (1.0 - c.w[7]) * (card.difficulty + change);
    return V::smaller(V::larger(next, V::splat(1.0)), V::splat(10.0));
}

// One register of cards; new ones pass through the arithmetic with a stand-in and are overwritten.
template <int D>
ENGRAIN_INLINE void review(double* stability, double* difficulty, const double* elapsed,
                           const std::uint8_t* rating, const Constants& c) {
    using V = Wide<D>;
    double ratings[D], bonus[D], same_day[D], first_s[D], first_d[D];
    for (int i = 0; i < D; ++i) {
        ratings[i] = rating[i];
        bonus[i] = c.bonus[rating[i]];
        same_day[i] = c.same_day[rating[i]];
        first_s[i] = c.stability[rating[i]];
        first_d[i] = c.difficulty[rating[i]];
    }
    Card<D> card{V::load(stability), V::load(difficulty), V::load(elapsed),
                 V::load(ratings),   V::load(bonus),      V::load(same_day)};
    const typename V::I known = card.stability > 0.0;
    card.stability = V::select(known, card.stability, V::splat(1.0));
    card.difficulty = V::select(known, card.difficulty, V::splat(5.0));
    V::store(V::select(known, next_stability<D>(card, c), V::load(first_s)), stability);
    V::store(V::select(known, next_difficulty<D>(card, c), V::load(first_d)), difficulty);
}

template <int W>
ENGRAIN_INLINE void review_cards_body(double* stability, double* difficulty, const double* elapsed,
                                      const std::uint8_t* rating, std::size_t n,
                                      const double* parameters) {
    constexpr int D = W / 2;
    const Constants c(parameters);
    std::size_t i = 0;
    for (; i + D <= n; i += D) review<D>(stability + i, difficulty + i, elapsed + i, rating + i, c);
    double rest_s[D] = {}, rest_d[D] = {}, rest_t[D] = {};
    std::uint8_t rest_r[D];
    if (i == n) return;
    std::fill(rest_r, rest_r + D, std::uint8_t{1});
    std::copy(stability + i, stability + n, rest_s);
    std::copy(difficulty + i, difficulty + n, rest_d);
    std::copy(elapsed + i, elapsed + n, rest_t);
    std::copy(rating + i, rating + n, rest_r);
    review<D>(rest_s, rest_d, rest_t, rest_r, c);
    std::copy(rest_s, rest_s + (n - i), stability + i);
    std::copy(rest_d, rest_d + (n - i), difficulty + i);
}

template <int D>
ENGRAIN_INLINE void retrieve(const double* stability, const double* elapsed, const Constants& c,
                             double* out) {
    using V = Wide<D>;
    const typename V::F s = V::load(stability);
    const typename V::I known = s > 0.0;
    const typename V::F r =
        retrievability<D>(V::select(known, s, V::splat(1.0)), V::load(elapsed), c);
    V::store(V::select(known, r, V::splat(0.0)), out);
}

template <int W>
ENGRAIN_INLINE void retrieve_cards_body(const double* stability, const double* elapsed,
                                        std::size_t n, const double* parameters, double* out) {
    constexpr int D = W / 2;
    const Constants c(parameters);
    std::size_t i = 0;
    for (; i + D <= n; i += D) retrieve<D>(stability + i, elapsed + i, c, out + i);
    if (i == n) return;
    double rest_s[D] = {}, rest_t[D] = {}, rest[D];
    std::copy(stability + i, stability + n, rest_s);
    std::copy(elapsed + i, elapsed + n, rest_t);
    retrieve<D>(rest_s, rest_t, c, rest);
    std::copy(rest, rest + (n - i), out + i);
}

}  // namespace

ENGRAIN_DISPATCH(void, review_cards,
                 (double* stability, double* difficulty, const double* elapsed,
                  const std::uint8_t* rating, std::size_t n, const double* parameters),
                 (stability, difficulty, elapsed, rating, n, parameters))
ENGRAIN_DISPATCH(void, retrieve_cards,
                 (const double* stability, const double* elapsed, std::size_t n,
                  const double* parameters, double* out),
                 (stability, elapsed, n, parameters, out))

}  // namespace engrain
