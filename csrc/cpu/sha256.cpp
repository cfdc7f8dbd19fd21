#include "engrain/sha256.hpp"

#include <cstring>

#include "engrain/simd.hpp"

#if ENGRAIN_X86
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace engrain {
namespace {

using State = std::uint32_t[8];

constexpr std::size_t kBlock = 64, kLength = 8;

constexpr State kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

alignas(16) constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

inline std::uint32_t turned(std::uint32_t x, int by) { return x >> by | x << (32 - by); }

inline std::uint32_t big_endian(const std::uint8_t* p) {
    std::uint32_t x;
    std::memcpy(&x, p, sizeof x);
    return __builtin_bswap32(x);
}

void mix_portable(State& state, const std::uint8_t* data, std::size_t blocks) {
    for (; blocks != 0; --blocks, data += kBlock) {
        std::uint32_t w[64];
        for (int t = 0; t < 16; ++t) w[t] = big_endian(data + 4 * t);
        for (int t = 16; t < 64; ++t) {
            const std::uint32_t a = w[t - 15], b = w[t - 2];
            w[t] = w[t - 16] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + w[t - 7] +
                   (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
        }
        std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        std::uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; ++t) {
            const std::uint32_t one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) +
                                      (g ^ (e & (f ^ g))) + kRound[t] + w[t];
            const std::uint32_t two =
                (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) | (c & (a | b)));
            h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
        }
        const State mixed = {a, b, c, d, e, f, g, h};
        for (int i = 0; i < 8; ++i) state[i] += mixed[i];
    }
}

#if ENGRAIN_X86

// Four rounds per step; the instructions want the state as (a, b, e, f) and (c, d, g, h).
__attribute__((target("sha,sse4.1"))) void mix_sha_ni(State& state, const std::uint8_t* data,
                                                      std::size_t blocks) {
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i* from = reinterpret_cast<const __m128i*>(state);
    const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(from), 0xB1);
    const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(from + 1), 0x1B);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
    for (; blocks != 0; --blocks, data += kBlock) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
#pragma GCC unroll 16
        for (int step = 0; step < 16; ++step) {
            __m128i& now = w[step % 4];
            if (step < 4) {
                const auto* p = reinterpret_cast<const __m128i*>(data) + step;
                now = _mm_shuffle_epi8(_mm_loadu_si128(p), swap);
            } else {
                const __m128i last = w[(step + 3) % 4], before = w[(step + 2) % 4];
                now = _mm_sha256msg1_epu32(now, w[(step + 1) % 4]);
                now = _mm_add_epi32(now, _mm_alignr_epi8(last, before, 4));
                now = _mm_sha256msg2_epu32(now, last);
            }
            const auto* k = reinterpret_cast<const __m128i*>(kRound) + step;
            const __m128i sum = _mm_add_epi32(now, _mm_load_si128(k));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
    __m128i* to = reinterpret_cast<__m128i*>(state);
    _mm_storeu_si128(to, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128(to + 1, _mm_alignr_epi8(dchg, feba, 8));
}

bool has_sha_ni() noexcept {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

#endif

void mix(State& state, const std::uint8_t* data, std::size_t blocks) {
#if ENGRAIN_X86
    static const bool here = has_sha_ni();
    if (here && simd::level() != simd::Level::baseline) return mix_sha_ni(state, data, blocks);
#endif
    mix_portable(state, data, blocks);
}

}  // namespace

void sha256(const std::uint8_t* data, std::size_t size, std::uint8_t* digest) noexcept {
    State state;
    std::memcpy(state, kStart, sizeof state);
    const std::size_t whole = size / kBlock, rest = size % kBlock;
    mix(state, data, whole);
    std::uint8_t tail[2 * kBlock] = {};
    if (rest != 0) std::memcpy(tail, data + whole * kBlock, rest);
    tail[rest] = 0x80;
    const std::size_t blocks = rest + 1 + kLength <= kBlock ? 1 : 2;
    for (std::size_t i = 0; i < kLength; ++i)
        tail[blocks * kBlock - 1 - i] = static_cast<std::uint8_t>(std::uint64_t{size} * 8 >> 8 * i);
    mix(state, tail, blocks);
    for (int i = 0; i < 8; ++i) {
        const std::uint32_t word = __builtin_bswap32(state[i]);
        std::memcpy(digest + 4 * i, &word, sizeof word);
    }
}

}  // namespace engrain
