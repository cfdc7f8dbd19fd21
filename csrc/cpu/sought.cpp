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

// Where terms have their bit in a filter of two registers.
ENGRAIN_AVX512 ENGRAIN_INLINE __mmask16 in_filter(__m512i low, __m512i high, __m512i terms) {
    typedef std::uint32_t Wide __attribute__((vector_size(64)));
    const Wide bits = reinterpret_cast<Wide>(terms), word = bits >> 27, one = 1U - Wide{};
    const __m512i words = _mm512_permutex2var_epi32(low, reinterpret_cast<__m512i>(word), high);
    return _mm512_test_epi32_mask(words, reinterpret_cast<__m512i>(one << (bits >> 22 & 31)));
}

ENGRAIN_AVX512 ENGRAIN_INLINE std::size_t hold(__mmask16 hits, __m512i terms, Term* held) {
    _mm512_storeu_si512(held, _mm512_maskz_compress_epi32(hits, terms));
    return static_cast<std::size_t>(__builtin_popcount(hits));
}

ENGRAIN_AVX512 std::size_t sift_avx512(const std::uint32_t* filter, const Term* own, std::size_t n,
                                       Term* held) {
    const __m512i low = _mm512_loadu_si512(filter), high = _mm512_loadu_si512(filter + 16);
    std::size_t kept = 0, i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m512i terms = _mm512_loadu_si512(own + i);
        kept += hold(in_filter(low, high, terms), terms, held + kept);
    }
    if (i == n) return kept;
    const auto lanes = static_cast<__mmask16>((1U << (n - i)) - 1U);
    const __m512i terms = _mm512_maskz_loadu_epi32(lanes, own + i);
    const __mmask16 hits = in_filter(low, high, terms);
    return kept + hold(static_cast<__mmask16>(hits & lanes), terms, held + kept);
}

#endif

// counts[j] = how many of the words equal keys[j], for some registers of keys.
template <int W, int Registers>
ENGRAIN_INLINE void tally_some(const Term* words, std::size_t n, const Term* keys, float* counts) {
    using I = typename Vec<W>::i32;
    using F = typename Vec<W>::f32;
    using At = typename Vec<W>::f32_at;
    I key[Registers], found[Registers] = {};
    std::memcpy(&key, keys, sizeof key);
    for (std::size_t i = 0; i < n; ++i) {
        const I word = words[i] - I{};
        for (int r = 0; r < Registers; ++r) found[r] -= key[r] == word;
    }
    for (int r = 0; r < Registers; ++r)
        *reinterpret_cast<At*>(counts + r * W) = __builtin_convertvector(found[r], F);
}

template <int W>
ENGRAIN_INLINE void tally(const Term* words, std::size_t n, const Term* keys, std::size_t room,
                          float* counts) {
    std::size_t k = 0;
    for (; k + 2 * W <= room; k += 2 * W) tally_some<W, 2>(words, n, keys + k, counts + k);
    if (k < room) tally_some<W, 1>(words, n, keys + k, counts + k);
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
