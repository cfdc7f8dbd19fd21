// Logarithms of whole numbers, most of which are small.
#pragma once

#include <array>
#include <cstddef>

#include "engrain/transcendental.hpp"

namespace engrain {

inline float log_of(std::size_t n) noexcept {
    constexpr std::size_t small = 1024;
    static const std::array<float, small> known = [] {
        std::array<float, small> logs{};
        for (std::size_t i = 1; i < small; ++i)
            logs[i] = static_cast<float>(engrain::log(double(i)));
        return logs;
    }();
    return n > 0 && n < small ? known[n] : static_cast<float>(engrain::log(double(n)));
}

}  // namespace engrain
