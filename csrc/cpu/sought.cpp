#include "engrain/sought.hpp"

#include <algorithm>
#include <utility>

#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

using simd::Vec;

constexpr std::size_t ahead = 8;  // documents
constexpr std::size_t eight = 8;

std::size_t sift_each(const std::uint32_t* filter, const WordSpan& words, Term* held) {
    std::size_t kept = 0;
    for (const Term own : words) {
        const auto bits = static_cast<std::uint32_t>(own);
        held[kept] = own;
        kept += filter[bits >> 27] >> (bits >> 22 & 31) & 1;
    }
    return kept;
}

// counts[j] = how many of the words equal keys[j], for some registers of keys. Words are taken by
// eights, the last of them filled up: nobody can tell how many a document holds.
template <int W, int Registers>
ENGRAIN_INLINE void tally_some(const Term* words, std::size_t n, const Term* keys, float* counts) {
    using I = typename Vec<W>::i32;
    using F = typename Vec<W>::f32;
    using At = typename Vec<W>::f32_at;
    I key[Registers], found[Registers] = {};
    std::memcpy(&key, keys, sizeof key);
    std::size_t i = 0;
    do {
        for (std::size_t j = 0; j < eight; ++j) {
            const I word = words[i + j] - I{};
            for (int r = 0; r < Registers; ++r) found[r] -= key[r] == word;
        }
        i += eight;
    } while (i < n);
    for (int r = 0; r < Registers; ++r)
        *reinterpret_cast<At*>(counts + r * W) = __builtin_convertvector(found[r], F);
}

struct Keys {
    const Term* first;
    std::size_t room;
    Term absent;  // is none of them
};

template <int W>
ENGRAIN_INLINE void tally(Term* held, std::size_t n, const Keys& keys, float* counts) {
    std::fill_n(held + n, eight, keys.absent);
    std::size_t k = 0;
    for (; k + 4 * W <= keys.room; k += 4 * W)
        tally_some<W, 4>(held, n, keys.first + k, counts + k);
    const std::size_t left = keys.room - k;
    if (left == 3 * W) return tally_some<W, 3>(held, n, keys.first + k, counts + k);
    if (left == 2 * W) return tally_some<W, 2>(held, n, keys.first + k, counts + k);
    if (left == W) return tally_some<W, 1>(held, n, keys.first + k, counts + k);
}

ENGRAIN_INLINE void prefetch_words(const WordSpan* documents, std::size_t n, std::size_t i) {
    if (i < n) prefetch_next(documents[i].first, documents[i].count);
}

template <int W>
ENGRAIN_INLINE void count_words_as(const std::uint32_t* filter, const Keys& keys,
                                   const WordSpan* documents, std::size_t n, Term* held,
                                   float* counts) {
    for (std::size_t i = 0; i < n; ++i, counts += keys.room) {
        prefetch_words(documents, n, i + ahead);
        tally<W>(held, sift_each(filter, documents[i], held), keys, counts);
    }
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

ENGRAIN_AVX512 ENGRAIN_INLINE std::size_t sift_lines(__m512i low, __m512i high,
                                                     const WordSpan& words, const WordSpan& later,
                                                     Term* held) {
    std::size_t kept = 0, i = 0;
    for (; i + 16 <= words.count; i += 16) {
        prefetch_next(later.first + i, 1);
        const __m512i terms = _mm512_loadu_si512(words.first + i);
        kept += hold(in_filter(low, high, terms), terms, held + kept);
    }
    if (i < later.count) prefetch_next(later.first + i, later.count - i);
    const auto lanes = static_cast<__mmask16>((1U << (words.count - i)) - 1U);
    const __m512i terms = _mm512_maskz_loadu_epi32(lanes, words.first + i);
    const __mmask16 hits = in_filter(low, high, terms);
    return kept + hold(static_cast<__mmask16>(hits & lanes), terms, held + kept);
}

ENGRAIN_AVX2 void count_words_avx2(const std::uint32_t* filter, const Keys& keys,
                                   const WordSpan* documents, std::size_t n, Term* held,
                                   float* counts) {
    count_words_as<8>(filter, keys, documents, n, held, counts);
}

ENGRAIN_AVX512 std::size_t sift_words_avx512(const std::uint32_t* filter, const WordSpan& words,
                                             Term* held) {
    return sift_lines(_mm512_loadu_si512(filter), _mm512_loadu_si512(filter + 16), words,
                      {words.first, 0}, held);
}

ENGRAIN_AVX512 void count_words_avx512(const std::uint32_t* filter, const Keys& keys,
                                       const WordSpan* documents, std::size_t n, Term* held,
                                       float* counts) {
    const __m512i low = _mm512_loadu_si512(filter), high = _mm512_loadu_si512(filter + 16);
    for (std::size_t i = 0; i < n; ++i, counts += keys.room) {
        const WordSpan& later = documents[std::min(i + ahead, n - 1)];
        tally<16>(held, sift_lines(low, high, documents[i], later, held), keys, counts);
    }
}

#endif

// A register at a time, where there are wide ones.
bool is_wide() noexcept { return ENGRAIN_X86 && simd::level() == simd::Level::avx512; }

std::size_t sift_words(const std::uint32_t* filter, const WordSpan& words, Term* held) {
#if ENGRAIN_X86
    if (is_wide()) return sift_words_avx512(filter, words, held);
#endif
    return sift_each(filter, words, held);
}

void count_words(const std::uint32_t* filter, const Keys& keys, const WordSpan* documents,
                 std::size_t n, Term* held, float* counts) {
    for (std::size_t i = 0; i < ahead; ++i) prefetch_words(documents, n, i);
#if ENGRAIN_X86
    if (is_wide()) return count_words_avx512(filter, keys, documents, n, held, counts);
    if (simd::level() == simd::Level::avx2)
        return count_words_avx2(filter, keys, documents, n, held, counts);
#endif
    count_words_as<4>(filter, keys, documents, n, held, counts);
}

}  // namespace

void Sought::seek(std::vector<TermWeight> terms) {
    terms_ = std::move(terms);
    const std::size_t room = (terms_.size() + 15) / 16 * 16;
    keys_.assign(room, 0);
    absent_ = 0;
    for (const TermWeight& own : terms_) absent_ += own.term == absent_ ? 1 : 0;
    weights_.assign(room, 0.0F);
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

void Sought::count_in_buckets(std::size_t held, float* counts) const {
    std::fill_n(counts, room(), 0.0F);
    for (std::size_t i = 0; i < held; ++i) {
        std::size_t at = first_[bucket(held_[i])];
        while (at + 1 < terms_.size() && terms_[at].term < held_[i]) ++at;
        counts[at] += terms_[at].term == held_[i] ? 1.0F : 0.0F;
    }
}

void Sought::count(const WordSpan* documents, std::size_t n, float* counts) const {
    if (keys_.empty()) return;
    std::size_t longest = 0;
    for (std::size_t i = 0; i < n; ++i) longest = std::max(longest, documents[i].count);
    if (held_.size() < longest + slack) held_.resize(longest + slack);
    if (terms_.size() <= few)
        return count_words(filter_, {keys_.data(), room(), absent_}, documents, n, held_.data(),
                           counts);
    for (std::size_t i = 0; i < n; ++i)
        count_in_buckets(sift_words(filter_, documents[i], held_.data()), counts + i * room());
}

}  // namespace engrain
