#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "check.hpp"
#include "engrain/half.hpp"
#include "engrain/simd.hpp"

using namespace engrain;
using simd::Level;

// Every float of 16 bits, and what lies around the middle between it and the next.
int main() {
    std::vector<float> x;
    for (std::uint32_t bits = 0; bits < 0x7C00U; ++bits) {
        const auto here =
            static_cast<float>(std::ldexp(double(bits & 0x3FFU) + (bits >> 10 ? 1024.0 : 0.0),
                                          int(bits >> 10 ? bits >> 10 : 1) - 25));
        const float step = std::ldexp(1.0F, int(bits >> 10 ? bits >> 10 : 1) - 25);
        const float middle = here + 0.5F * step;
        for (const float value : {here, middle, std::nextafter(middle, 0.0F),
                                  std::nextafter(middle, 1e9F), here + 0.3F * step})
            x.insert(x.end(), {value, -value});
    }
    x.push_back(1e6F);
    std::vector<float> rounded(x.size());
    std::vector<std::uint16_t> bits(x.size());
    for (Level level : {Level::baseline, Level::avx2, Level::avx512}) {
        simd::set_level(level);
        round_to_half(x.data(), x.size(), rounded.data());
        to_half_bits(x.data(), x.size(), bits.data());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const auto exact = static_cast<_Float16>(x[i]);
            std::uint16_t expected;
            std::memcpy(&expected, &exact, sizeof expected);
            CHECK(bits[i] == expected && rounded[i] == static_cast<float>(exact));
        }
    }
    return 0;
}
