#include "engrain/fsrs.hpp"

#include <algorithm>
#include <limits>

#include "engrain/transcendental.hpp"
#include "engrain/transcendental64.hpp"

namespace engrain {
namespace {

using simd::exp2_wide;
using simd::log2_wide;
using simd::Wide;

constexpr double least_stability = 0.001, log2_e = 0x1.71547652b82fep+0;

struct Constants {  // what depends on the parameters alone
    const double* w;
    double forgetting;                   // F of the forgetting curve
    double gain;                         // e^w8
    double lapse_cap;                    // e^-(w17 w18)
    double stability[5], difficulty[5];  // of a new card, by rating
    double easy_difficulty;              // what difficulty reverts to, not clamped

    explicit Constants(const double* parameters) : w(parameters) {
        forgetting = engrain::exp(-engrain::log(0.9) / w[20]) - 1.0;
        gain = engrain::exp(w[8]);
        lapse_cap = engrain::exp(-w[17] * w[18]);
        for (int rating = 1; rating <= 4; ++rating) {
            const double first = w[4] - engrain::exp(w[5] * (rating - 1)) + 1.0;
            if (rating == 4) easy_difficulty = first;
            stability[rating] = std::max(w[rating - 1], least_stability);
            difficulty[rating] = std::min(std::max(first, 1.0), 10.0);
        }
    }
};

// A block of cards. Its formulas run step by step over the whole block: the long chains of exp2
// and log2 then overlap, and the three kinds of review share each of them by what they select.
template <int D>
struct Block {
    static constexpr std::size_t room = 256;
    using V = Wide<D>;
    using F = typename V::F;

    const Constants& c;
    std::size_t n = 0;        // a multiple of D
    F least = V::splat(1.0);  // stability seen; 0 tells of a new card
    double s[room], d[room], t[room], rating[room];
    double kind[room];  // 0 recalled, 1 forgotten, 2 on the same day
    double ratio[room], base[room], ease[room];

    explicit Block(const Constants& constants) : c(constants) {}

    // Past the last card come cards of no account; a new card is one until `start`.
    ENGRAIN_INLINE void load(const double* stability, const double* difficulty,
                             const double* elapsed, const std::uint8_t* ratings,
                             std::size_t count) {
        n = (count + D - 1) / D * D;
        const std::size_t whole = count / D * D;
        for (std::size_t i = 0; i < whole; i += D)
            take(V::load(stability + i), V::load(difficulty + i), V::load(elapsed + i), i);
        for (std::size_t i = 0; i < count; ++i) rating[i] = ratings[i];
        for (std::size_t i = count; i < n; ++i) rating[i] = 1.0;
        if (whole < n) {
            double rest[3][D] = {};
            std::copy(stability + whole, stability + count, rest[0]);
            std::copy(difficulty + whole, difficulty + count, rest[1]);
            std::copy(elapsed + whole, elapsed + count, rest[2]);
            take(V::load(rest[0]), V::load(rest[1]), V::load(rest[2]), whole);
        }
        for (std::size_t i = 0; i < n; i += D) {
            const F one = V::splat(1.0), review = V::load(rating + i) < 1.5 ? one : F{};
            V::store(V::load(t + i) < 1.0 ? one + one : review, kind + i);
        }
    }
    ENGRAIN_INLINE void take(F stability, F difficulty, F elapsed, std::size_t i) {
        const F one = V::splat(1.0);
        least = V::smaller(stability, least);
        V::store(stability > 0.0 ? stability : one, s + i);
        V::store(stability > 0.0 ? difficulty : one, d + i);
        V::store(elapsed, t + i);
    }

    ENGRAIN_INLINE void log_all(const double* x, double* out) {
        for (std::size_t i = 0; i < n; i += D) V::store(log2_wide<D>(V::load(x + i)), out + i);
    }
    ENGRAIN_INLINE void exp_all(double* x) {
        for (std::size_t i = 0; i < n; i += D) V::store(exp2_wide<D>(V::load(x + i)), x + i);
    }

    // ratio = R, base = log2(S), or log2(S + 1) where forgotten, ease = log2(D).
    ENGRAIN_INLINE void take_logarithms() {
        for (std::size_t i = 0; i < n; i += D) {
            const F stability = V::load(s + i), one = V::splat(1.0);
            V::store(1.0 + c.forgetting * V::load(t + i) / stability, ratio + i);
            V::store(stability + (V::load(kind + i) == 1.0 ? one : F{}), base + i);
        }
        log_all(d, ease);
        log_all(base, base);
        for (std::size_t i = 0; i < n; i += D)
            V::store(-c.w[20] * log2_wide<D>(V::load(ratio + i)), ratio + i);
        exp_all(ratio);
    }

    // Recalled: e^(w10 (1 - R)) and S^-w9. Forgotten: e^(w14 (1 - R)) D^-w12 and (S + 1)^w13. On
    // the same day: e^(w17 (rating - 3 + w18)) S^-w19.
    ENGRAIN_INLINE void take_powers() {
        for (std::size_t i = 0; i < n; i += D) {
            const F k = V::load(kind + i);
            const F missing = log2_e * (1.0 - V::load(ratio + i)), logarithm = V::load(base + i);
            const F forgotten = c.w[14] * missing - c.w[12] * V::load(ease + i);
            const F same_day =
                (log2_e * c.w[17]) * (V::load(rating + i) - 3.0 + c.w[18]) - c.w[19] * logarithm;
            const F first = k == 1.0 ? forgotten : c.w[10] * missing;
            V::store(k == 2.0 ? same_day : first, ratio + i);
            V::store(k == 1.0 ? c.w[13] * logarithm : -c.w[9] * logarithm, base + i);
        }
        exp_all(ratio);
        exp_all(base);
    }

    ENGRAIN_INLINE void settle() {
        const double revert = c.w[7] * c.easy_difficulty, keep = 1.0 - c.w[7], step = c.w[6] / 9.0;
        for (std::size_t i = 0; i < n; i += D) {
            const F k = V::load(kind + i);
            const F stability = V::load(s + i), difficulty = V::load(d + i);
            const F r = V::load(rating + i);
            const F first = V::load(ratio + i), second = V::load(base + i);
            const F one = V::splat(1.0), good = r < 2.5 ? V::splat(c.w[15]) : one;
            const F bonus = r > 3.5 ? V::splat(c.w[16]) : good;
            const F recalled =
                stability * (1.0 + c.gain * (11.0 - difficulty) * second * (first - 1.0) * bonus);
            const F lapsed = V::smaller(c.w[11] * first * (second - 1.0), stability * c.lapse_cap);
            const F same_day = stability * V::larger(first, r < 1.5 ? F{} : one);
            const F later = k == 1.0 ? lapsed : recalled;
            const F now = k == 2.0 ? same_day : later;
            V::store(V::larger(now, V::splat(least_stability)), s + i);
            const F eased = difficulty + (10.0 - difficulty) * (step * (3.0 - r));
            V::store(V::smaller(V::larger(revert + keep * eased, one), V::splat(10.0)), d + i);
        }
    }

    ENGRAIN_INLINE void store(double* stability, double* difficulty, const std::uint8_t* ratings,
                              std::size_t count) {
        bool fresh = false;
        for (int k = 0; k < D; ++k) fresh |= least[k] == 0.0;
        for (std::size_t i = 0; fresh && i < count; ++i) {
            if (stability[i] > 0.0) continue;
            s[i] = c.stability[ratings[i]];
            d[i] = c.difficulty[ratings[i]];
        }
        std::copy(s, s + count, stability);
        std::copy(d, d + count, difficulty);
    }
};

template <int D>
ENGRAIN_INLINE void review(double* stability, double* difficulty, const double* elapsed,
                           const std::uint8_t* rating, std::size_t n, const Constants& c) {
    Block<D> block(c);
    block.load(stability, difficulty, elapsed, rating, n);
    block.take_logarithms();
    block.take_powers();
    block.settle();
    block.store(stability, difficulty, rating, n);
}

template <int D>
ENGRAIN_INLINE typename Wide<D>::F retrievability(typename Wide<D>::F stability,
                                                  typename Wide<D>::F elapsed, const Constants& c) {
    return exp2_wide<D>(-c.w[20] * log2_wide<D>(1.0 + c.forgetting * elapsed / stability));
}

// Whether all x of the cards whose stability is at least `least` lie in [low, high).
template <int D>
ENGRAIN_INLINE bool all_within(const double* x, double low, double high, const double* stability,
                               double least, std::size_t n) {
    using V = Wide<D>;
    using F = typename V::F;
    F lowest = V::splat(low), highest = lowest, broken{};  // broken turns NaN where a value is
    std::size_t i = 0;
    for (; i + D <= n; i += D) {
        const F value = V::load(stability + i) < least ? V::splat(low) : V::load(x + i);
        lowest = V::smaller(value, lowest);
        highest = V::larger(value, highest);
        broken += value * 0.0;
    }
    bool good = true;
    for (int k = 0; k < D; ++k) good &= lowest[k] >= low && highest[k] < high && broken[k] == 0.0;
    for (; i < n; ++i) good &= stability[i] < least || (x[i] >= low && x[i] < high);
    return good;
}

template <int W>
ENGRAIN_INLINE CardFault find_card_fault_body(const double* stability, const double* difficulty,
                                              const double* elapsed, const std::uint8_t* rating,
                                              std::size_t n) {
    constexpr int D = W / 2;
    constexpr double any = -std::numeric_limits<double>::infinity(), held = 0x1p-1074;
    constexpr double most = 1e100, above_ten = 0x1.4000000000001p+3;
    if (!all_within<D>(stability, 0.0, most, elapsed, any, n) ||
        !all_within<D>(elapsed, 0.0, most, stability, any, n))
        return CardFault::days;
    unsigned beyond = 0;
    for (std::size_t i = 0; rating && i < n; ++i) beyond |= std::uint8_t(rating[i] - 1) & 0xfcU;
    if (beyond) return CardFault::rating;
    if (difficulty && !all_within<D>(difficulty, 1.0, above_ten, stability, held, n))
        return CardFault::difficulty;
    return CardFault::none;
}

template <int W>
ENGRAIN_INLINE void review_cards_body(double* stability, double* difficulty, const double* elapsed,
                                      const std::uint8_t* rating, std::size_t n,
                                      const double* parameters) {
    const Constants c(parameters);
    for (std::size_t i = 0; i < n; i += Block<W / 2>::room)
        review<W / 2>(stability + i, difficulty + i, elapsed + i, rating + i,
                      std::min(Block<W / 2>::room, n - i), c);
}

template <int D>
ENGRAIN_INLINE void retrieve(const double* stability, const double* elapsed, const Constants& c,
                             double* out) {
    using V = Wide<D>;
    const typename V::F s = V::load(stability);
    const typename V::F safe = s > 0.0 ? s : V::splat(1.0);
    const typename V::F r = retrievability<D>(safe, V::load(elapsed), c);
    V::store(s > 0.0 ? r : V::splat(0.0), out);
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

ENGRAIN_DISPATCH(CardFault, find_card_fault,
                 (const double* stability, const double* difficulty, const double* elapsed,
                  const std::uint8_t* rating, std::size_t n),
                 (stability, difficulty, elapsed, rating, n))
ENGRAIN_DISPATCH(void, review_cards,
                 (double* stability, double* difficulty, const double* elapsed,
                  const std::uint8_t* rating, std::size_t n, const double* parameters),
                 (stability, difficulty, elapsed, rating, n, parameters))
ENGRAIN_DISPATCH(void, retrieve_cards,
                 (const double* stability, const double* elapsed, std::size_t n,
                  const double* parameters, double* out),
                 (stability, elapsed, n, parameters, out))

}  // namespace engrain
