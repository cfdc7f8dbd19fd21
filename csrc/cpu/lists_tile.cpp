// Widest instructions first, all giving the same integers.
#include "lists_tile.hpp"

#include <cstring>

#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <immintrin.h>
#endif

namespace engrain {
namespace {

std::int32_t four(const std::int8_t* codes) noexcept {
    std::int32_t word;
    std::memcpy(&word, codes, 4);
    return word;
}

void multiply_portable(const std::uint8_t* codes, std::size_t blocks, std::size_t width,
                       const std::int8_t* queries, TileProducts& out) noexcept {
    std::memset(out, 0, sizeof out);
    for (std::size_t b = 0; b < blocks; ++b)
        for (std::size_t s = 0; s < width / 4; ++s) {
            const std::uint8_t* code = codes + b * 16 * width + s * 64;
            for (std::size_t t = 0; t < tile_queries; ++t) {
                const std::int8_t* q = queries + (s * tile_queries + t) * 4;
                for (std::size_t r = 0; r < 16; ++r)
                    for (std::size_t j = 0; j < 4; ++j)
                        out[t][b * 16 + r] += std::int32_t(code[r * 4 + j]) * q[j];
            }
        }
}

#if ENGRAIN_X86

using simd::Level;

// A block's 16 rows in four registers of (4 rows x 2 sums of two products), folded at the end.
ENGRAIN_AVX2 void multiply_block_avx2(const std::uint8_t* codes, std::size_t width,
                                      const std::int8_t* queries, std::size_t t,
                                      std::int32_t* out) noexcept {
    __m256i total[4] = {};
    for (std::size_t s = 0; s < width / 4; ++s) {
        const __m128i narrow = _mm_set1_epi32(four(queries + (s * tile_queries + t) * 4));
        const __m256i query = _mm256_cvtepi8_epi16(narrow);
        for (int g = 0; g < 4; ++g) {
            const auto* at = reinterpret_cast<const __m128i*>(codes + s * 64 + g * 16);
            const __m256i rows = _mm256_cvtepu8_epi16(_mm_loadu_si128(at));
            total[g] = _mm256_add_epi32(total[g], _mm256_madd_epi16(rows, query));
        }
    }
    for (int g = 0; g < 4; g += 2) {
        const __m256i sums = _mm256_hadd_epi32(total[g], total[g + 1]);
        const __m256i ordered = _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(3, 1, 2, 0));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + g * 4), ordered);
    }
}

ENGRAIN_AVX2 void multiply_avx2(const std::uint8_t* codes, std::size_t blocks, std::size_t width,
                                const std::int8_t* queries, TileProducts& out) noexcept {
    for (std::size_t b = 0; b < blocks; ++b)
        for (std::size_t t = 0; t < tile_queries; ++t)
            multiply_block_avx2(codes + b * 16 * width, width, queries, t, out[t] + b * 16);
}

#define ENGRAIN_VNNI \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,f16c")))

template <std::size_t blocks>
ENGRAIN_VNNI ENGRAIN_INLINE void multiply_blocks_vnni(const std::uint8_t* codes, std::size_t width,
                                                      const std::int8_t* queries, std::size_t first,
                                                      TileProducts& out) {
    __m512i total[tile_queries][blocks] = {};
    for (std::size_t s = 0; s < width / 4; ++s) {
        __m512i rows[blocks];
#pragma GCC unroll 4
        for (std::size_t b = 0; b < blocks; ++b)
            rows[b] = _mm512_loadu_si512(codes + b * 16 * width + s * 64);
#pragma GCC unroll 6
        for (std::size_t t = 0; t < tile_queries; ++t) {
            const __m512i query = _mm512_set1_epi32(four(queries + (s * tile_queries + t) * 4));
#pragma GCC unroll 4
            for (std::size_t b = 0; b < blocks; ++b)
                total[t][b] = _mm512_dpbusd_epi32(total[t][b], rows[b], query);
        }
    }
#pragma GCC unroll 6
    for (std::size_t t = 0; t < tile_queries; ++t)
#pragma GCC unroll 4
        for (std::size_t b = 0; b < blocks; ++b)
            _mm512_storeu_si512(out[t] + (first + b) * 16, total[t][b]);
}

ENGRAIN_VNNI void multiply_vnni(const std::uint8_t* codes, std::size_t blocks, std::size_t width,
                                const std::int8_t* queries, TileProducts& out) noexcept {
    if (blocks == tile_blocks)
        return multiply_blocks_vnni<tile_blocks>(codes, width, queries, 0, out);
    for (std::size_t b = 0; b < blocks; ++b)
        multiply_blocks_vnni<1>(codes + b * 16 * width, width, queries, b, out);
}

bool has_vnni() noexcept {
    static const bool found = __builtin_cpu_supports("avx512vnni");
    return found;
}

#endif

}  // namespace

void multiply_tile(const std::uint8_t* codes, std::size_t blocks, std::size_t width,
                   const std::int8_t* queries, TileProducts& out) noexcept {
#if ENGRAIN_X86
    if (simd::level() == Level::avx512 && has_vnni())
        return multiply_vnni(codes, blocks, width, queries, out);
    if (simd::level() >= Level::avx2) return multiply_avx2(codes, blocks, width, queries, out);
#endif
    multiply_portable(codes, blocks, width, queries, out);
}

}  // namespace engrain
