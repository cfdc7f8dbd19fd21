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
    double ease[5];                      // -w6 (rating - 3) / 9
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
            ease[rating] = -w[6] * (rating - 3) / 9.0;
            same_day[rating] = w[17] * (rating - 3 + w[18]);
            bonus[rating] = rating == 2 ? w[15] : rating == 4 ? w[16] : 1.0;
        }
    }
};

template <int D>
ENGRAIN_INLINE typename Wide<D>::F retrievability(typename Wide<D>::F stability,
                                                  typename Wide<D>::F elapsed, const Constants& c) {
    return exp_wide<D>(-c.w[20] * log_wide<D>(1.0 + c.forgetting * elapsed / stability));
}

// Cards of one kind of review, packed so that each kind pays for its own formula only.
struct Pack {
    static constexpr std::size_t room = 256;
    double stability[room], difficulty[room], elapsed[room], factor[room];
    std::uint16_t card[room];
    std::size_t n = 0;

    void add(std::size_t i, double s, double d, double t, double f) noexcept {
        stability[n] = s;
        difficulty[n] = d;
        elapsed[n] = t;
        factor[n] = f;
        card[n++] = std::uint16_t(i);
    }
    // Fill the last register with cards of no account.
    void pad(std::size_t width) noexcept {
        for (std::size_t i = n; i % width != 0; ++i)
            stability[i] = difficulty[i] = elapsed[i] = factor[i] = 1.0;
    }
};

template <int D>
struct Recalled {  // factor: hard penalty or easy bonus
    static ENGRAIN_INLINE typename Wide<D>::F next(typename Wide<D>::F s, typename Wide<D>::F d,
                                                   typename Wide<D>::F t, typename Wide<D>::F f,
                                                   const Constants& c) {
        const typename Wide<D>::F missing = 1.0 - retrievability<D>(s, t, c);
        return s * (1.0 + c.gain * (11.0 - d) * exp_wide<D>(-c.w[9] * log_wide<D>(s)) *
                              (exp_wide<D>(missing * c.w[10]) - 1.0) * f);
    }
};

template <int D>
struct Lapsed {
    static ENGRAIN_INLINE typename Wide<D>::F next(typename Wide<D>::F s, typename Wide<D>::F d,
                                                   typename Wide<D>::F t, typename Wide<D>::F,
                                                   const Constants& c) {
        const typename Wide<D>::F missing = 1.0 - retrievability<D>(s, t, c);
        return Wide<D>::smaller(c.w[11] *
                                    exp_wide<D>(missing * c.w[14] - c.w[12] * log_wide<D>(d)) *
                                    (exp_wide<D>(c.w[13] * log_wide<D>(s + 1.0)) - 1.0),
                                s * c.lapse_cap);
    }
};

template <int D>
struct SameDay {  // factor: w17 (rating - 3 + w18); elapsed: the least growth, 1 unless forgotten
    static ENGRAIN_INLINE typename Wide<D>::F next(typename Wide<D>::F s, typename Wide<D>::F,
                                                   typename Wide<D>::F t, typename Wide<D>::F f,
                                                   const Constants& c) {
        return s * Wide<D>::larger(exp_wide<D>(f - c.w[19] * log_wide<D>(s)), t);
    }
};

template <int D, template <int> class Rule>
ENGRAIN_INLINE void settle(Pack& pack, const Constants& c, double* stability) {
    using V = Wide<D>;
    pack.pad(D);
    for (std::size_t i = 0; i < pack.n; i += D) {
        const typename V::F next =
            Rule<D>::next(V::load(pack.stability + i), V::load(pack.difficulty + i),
                          V::load(pack.elapsed + i), V::load(pack.factor + i), c);
        V::store(V::larger(next, V::splat(least_stability)), pack.stability + i);
    }
    for (std::size_t i = 0; i < pack.n; ++i) stability[pack.card[i]] = pack.stability[i];
}

template <int D>
ENGRAIN_INLINE void review(double* stability, double* difficulty, const double* elapsed,
                           const std::uint8_t* rating, std::size_t n, const Constants& c) {
    Pack recalled, lapsed, same_day;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint8_t r = rating[i];
        const double s = stability[i], d = difficulty[i], t = elapsed[i];
        if (s == 0.0) {
            stability[i] = c.stability[r];
            difficulty[i] = c.difficulty[r];
            continue;
        }
        const double eased = d + (10.0 - d) * c.ease[r];
        const double next = c.w[7] * c.easy_difficulty + (1.0 - c.w[7]) * eased;
        difficulty[i] = std::min(std::max(next, 1.0), 10.0);
        if (t < 1.0) {
            same_day.add(i, s, d, r > 1 ? 1.0 : 0.0, c.same_day[r]);
        } else {
            (r > 1 ? recalled : lapsed).add(i, s, d, t, c.bonus[r]);
        }
    }
    settle<D, Recalled>(recalled, c, stability);
    settle<D, Lapsed>(lapsed, c, stability);
    settle<D, SameDay>(same_day, c, stability);
}

template <int W>
ENGRAIN_INLINE void review_cards_body(double* stability, double* difficulty, const double* elapsed,
                                      const std::uint8_t* rating, std::size_t n,
                                      const double* parameters) {
    const Constants c(parameters);
    for (std::size_t i = 0; i < n; i += Pack::room)
        review<W / 2>(stability + i, difficulty + i, elapsed + i, rating + i,
                      std::min(Pack::room, n - i), c);
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
