#include "engrain/sought.hpp"

#include <algorithm>
#include <utility>

#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

using simd::Vec;

std::size_t sift_each(const std::uint32_t* filter, const Term* own, std::size_t n, Term* held) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto bits = static_cast<std::uint32_t>(own[i]);
        held[kept] = own[i];
        kept += filter[bits >> 27] >> (bits >> 22 & 31) & 1;
    }
    return kept;
}

#if ENGRAIN_X86

// The whole filter lies in two registers.
ENGRAIN_AVX512 std::size_t sift_avx512(const std::uint32_t* filter, const Term* own, std::size_t n,
                                       Term* held) {
    typedef std::uint32_t Wide __attribute__((vector_size(64)));
    const __m512i low = _mm512_loadu_si512(filter), high = _mm512_loadu_si512(filter + 16);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; i += 16) {
        const auto lanes = static_cast<__mmask16>(n - i < 16 ? (1U << (n - i)) - 1U : 0xFFFFU);
        const __m512i terms = _mm512_maskz_loadu_epi32(lanes, own + i);
        const Wide bits = reinterpret_cast<Wide>(terms);
        const Wide words = reinterpret_cast<Wide>(
            _mm512_permutex2var_epi32(low, reinterpret_cast<__m512i>(bits >> 27), high));
        const Wide found = words >> (bits >> 22 & 31) & 1;
        const __m512i set = reinterpret_cast<__m512i>(found);
        const __mmask16 hits = _mm512_mask_test_epi32_mask(lanes, set, set);
        _mm512_storeu_si512(held + kept, _mm512_maskz_compress_epi32(hits, terms));
        kept += static_cast<std::size_t>(__builtin_popcount(hits));
    }
    return kept;
}

#endif

// counts[j] = how many of the words equal keys[j].
template <int W>
ENGRAIN_INLINE void tally(const Term* words, std::size_t n, const Term* keys, std::size_t room,
                          float* counts) {
    using I = typename Vec<W>::i32;
    using F = typename Vec<W>::f32;
    using At = typename Vec<W>::f32_at;
    for (std::size_t k = 0; k < room; k += W) {
        I key, found = {};
        std::memcpy(&key, keys + k, sizeof key);
        for (std::size_t i = 0; i < n; ++i) found -= key == words[i] - I{};
        *reinterpret_cast<At*>(counts + k) = __builtin_convertvector(found, F);
    }
}

template <int W>
ENGRAIN_INLINE std::size_t sift_as(const std::uint32_t* filter, const WordSpan& words, Term* held) {
#if ENGRAIN_X86
    if constexpr (W == 16) return sift_avx512(filter, words.first, words.count, held);
#endif
    return sift_each(filter, words.first, words.count, held);
}

template <int W>
ENGRAIN_INLINE void count_words_body(const std::uint32_t* filter, const WordSpan& words, Term* held,
                                     const Term* keys, std::size_t room, float* counts) {
    tally<W>(held, sift_as<W>(filter, words, held), keys, room, counts);
}

ENGRAIN_DISPATCH(void, count_words,
                 (const std::uint32_t* filter, const WordSpan& words, Term* held, const Term* keys,
                  std::size_t room, float* counts),
                 (filter, words, held, keys, room, counts))

template <int W>
ENGRAIN_INLINE std::size_t sift_words_body(const std::uint32_t* filter, const WordSpan& words,
                                           Term* held) {
    return sift_as<W>(filter, words, held);
}

ENGRAIN_DISPATCH(std::size_t, sift_words,
                 (const std::uint32_t* filter, const WordSpan& words, Term* held),
                 (filter, words, held))

}  // namespace

void Sought::seek(std::vector<TermWeight> terms) {
    terms_ = std::move(terms);
    const std::size_t room = (terms_.size() + 15) / 16 * 16;
    keys_.assign(room, 0);
    weights_.assign(room, 0.0F);
    counts_.resize(room);
    first_.resize(terms_.size() > few ? buckets : 0);
    std::fill(filter_, filter_ + filter_words, 0U);
    for (std::size_t i = terms_.size(); i-- > 0;) {
        const std::uint32_t own = bucket(terms_[i].term);
        keys_[i] = terms_[i].term;
        weights_[i] = terms_[i].weight;
        filter_[own >> 5] |= 1U << (own & 31);
        if (!first_.empty()) first_[own] = static_cast<std::uint32_t>(i);
    }
}

void Sought::count_in_buckets(std::size_t held) const {
    std::fill(counts_.begin(), counts_.end(), 0.0F);
    for (std::size_t i = 0; i < held; ++i) {
        std::size_t at = first_[bucket(held_[i])];
        while (at + 1 < terms_.size() && terms_[at].term < held_[i]) ++at;
        counts_[at] += terms_[at].term == held_[i] ? 1.0F : 0.0F;
    }
}

const float* Sought::count(const WordSpan& words) const {
    if (keys_.empty()) return nullptr;
    if (held_.size() < words.count + slack) held_.resize(words.count + slack);
    if (terms_.size() > few)
        count_in_buckets(sift_words(filter_, words, held_.data()));
    else
        count_words(filter_, words, held_.data(), keys_.data(), keys_.size(), counts_.data());
    return counts_.data();
}

}  // namespace engrain
