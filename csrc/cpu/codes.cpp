// The integer scan: widest instructions first, all giving the same integers.
#include <algorithm>

#include "engrain/flat.hpp"
#include "engrain/prefetch.hpp"
#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

#if ENGRAIN_X86

using simd::Level;

// |a| <= 127 and |b| <= 127: two products fit 16 bits, so maddubs cannot saturate.
std::int32_t dot_ssse3(const std::int8_t* a, const std::int8_t* b, std::size_t width) {
    __m128i total = _mm_setzero_si128();
    for (std::size_t j = 0; j < width; j += 16) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + j));
        const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + j));
        const __m128i pairs = _mm_maddubs_epi16(_mm_abs_epi8(x), _mm_sign_epi8(y, x));
        total = _mm_add_epi32(total, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
    }
    total = _mm_add_epi32(total, _mm_shuffle_epi32(total, _MM_SHUFFLE(1, 0, 3, 2)));
    total = _mm_add_epi32(total, _mm_shuffle_epi32(total, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(total);
}

void scan_ssse3(const std::int8_t* codes, std::size_t width, const std::uint32_t* members,
                std::size_t n, const std::int8_t* query, std::int32_t* out) {
    for (std::size_t i = 0; i < n; ++i)
        out[i] = dot_ssse3(codes + members[i] * width, query, width);
}

ENGRAIN_AVX2 ENGRAIN_INLINE std::int32_t sum_avx2(__m256i total) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(1, 0, 3, 2)));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(half);
}

ENGRAIN_AVX2 ENGRAIN_INLINE std::int32_t dot_avx2(const std::int8_t* a, const std::int8_t* b,
                                                  std::size_t width) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i total = _mm256_setzero_si256();
    for (std::size_t j = 0; j < width; j += 32) {
        const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + j));
        const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + j));
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(y, x));
        total = _mm256_add_epi32(total, _mm256_madd_epi16(pairs, ones));
    }
    return sum_avx2(total);
}

ENGRAIN_AVX2 void scan_avx2(const std::int8_t* codes, std::size_t width,
                            const std::uint32_t* members, std::size_t n, const std::int8_t* query,
                            std::int32_t* out) {
    for (std::size_t i = 0; i < n; ++i) out[i] = dot_avx2(codes + members[i] * width, query, width);
}

#define ENGRAIN_VNNI \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,f16c")))

// Four sums of sixteen lanes each.
ENGRAIN_VNNI ENGRAIN_INLINE __m128i sum_each(const __m512i (&total)[4]) {
    typedef std::int32_t Wide __attribute__((vector_size(64)));
    typedef std::int32_t Half __attribute__((vector_size(32)));
    __m256i half[4];
    for (int k = 0; k < 4; ++k) {
        const Wide sum = reinterpret_cast<Wide>(total[k]);
        half[k] = reinterpret_cast<__m256i>(
            Half(__builtin_shufflevector(sum, sum, 0, 1, 2, 3, 4, 5, 6, 7) +
                 __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15)));
    }
    const __m256i pairs =
        _mm256_hadd_epi32(_mm256_hadd_epi32(half[0], half[1]), _mm256_hadd_epi32(half[2], half[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
}

// Four rows side by side, whose sums do not wait for each other; beyond n the last stands in.
// dpbusd multiplies unsigned by signed: codes are shifted by 128, which adds 128 sum(query).
ENGRAIN_VNNI void scan_vnni(const std::int8_t* codes, std::size_t width,
                            const std::uint32_t* members, std::size_t n, const std::int8_t* query,
                            std::int32_t* out) {
    constexpr std::size_t abreast = 4, ahead = 16;
    const __m512i shift = _mm512_set1_epi8(static_cast<char>(0x80));
    std::int32_t excess = 0;
    for (std::size_t j = 0; j < width; ++j) excess += 128 * query[j];
    for (std::size_t i = 0; i < n; i += abreast) {
        const std::int8_t* row[abreast];
        __m512i total[abreast];
        for (std::size_t k = 0; k < abreast; ++k) {
            if (i + k + ahead < n) prefetch_all(codes + members[i + k + ahead] * width, width);
            row[k] = codes + members[std::min(i + k, n - 1)] * width;
            total[k] = _mm512_setzero_si512();
        }
        for (std::size_t j = 0; j < width; j += 64) {
            const __m512i asked = _mm512_loadu_si512(query + j);
            for (std::size_t k = 0; k < abreast; ++k)
                total[k] = _mm512_dpbusd_epi32(
                    total[k], _mm512_xor_si512(_mm512_loadu_si512(row[k] + j), shift), asked);
        }
        std::int32_t sums[abreast];
        const __m128i all = _mm_sub_epi32(sum_each(total), _mm_set1_epi32(excess));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), all);
        std::copy_n(sums, std::min(abreast, n - i), out + i);
    }
}

bool has_vnni() noexcept {
    static const bool found = __builtin_cpu_supports("avx512vnni");
    return found;
}

#endif

}  // namespace

void dot_codes(const std::int8_t* codes, std::size_t width, const std::uint32_t* members,
               std::size_t n, const std::int8_t* query, std::int32_t* out) noexcept {
#if ENGRAIN_X86
    if (simd::level() == Level::avx512 && has_vnni())
        return scan_vnni(codes, width, members, n, query, out);
    if (simd::level() >= Level::avx2) return scan_avx2(codes, width, members, n, query, out);
    scan_ssse3(codes, width, members, n, query, out);
#else
    for (std::size_t i = 0; i < n; ++i) {
        const std::int8_t* row = codes + members[i] * width;
        std::int32_t total = 0;
        for (std::size_t j = 0; j < width; ++j) total += std::int32_t{row[j]} * query[j];
        out[i] = total;
    }
#endif
}

}  // namespace engrain
