#include "engrain/sought.hpp"

#include <utility>

#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

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
        if (hits == 0) continue;
        _mm512_storeu_si512(held + kept, _mm512_maskz_compress_epi32(hits, terms));
        kept += static_cast<std::size_t>(__builtin_popcount(hits));
    }
    return kept;
}

#endif

}  // namespace

void Sought::seek(std::vector<TermWeight> terms) {
    terms_ = std::move(terms);
    first_.resize(buckets);
    std::fill(filter_, filter_ + words, 0U);
    for (std::size_t i = terms_.size(); i-- > 0;) {
        const std::uint32_t own = bucket(terms_[i].term);
        filter_[own >> 5] |= 1U << (own & 31);
        first_[own] = static_cast<std::uint32_t>(i);
    }
}

std::size_t Sought::sift(const Term* own, std::size_t n, Term* held) const noexcept {
#if ENGRAIN_X86
    if (simd::level() == simd::Level::avx512) return sift_avx512(filter_, own, n, held);
#endif
    return sift_each(filter_, own, n, held);
}

}  // namespace engrain
