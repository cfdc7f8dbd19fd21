// Asking memory for what will be used soon, while something else is computed.
//
// Always inlined: GCC takes a function that only asks for one without effect and drops its calls.
#pragma once

#include <cstddef>

#include "engrain/simd.hpp"

namespace engrain {

// Into the second cache, which takes more lines at a time than the first.
ENGRAIN_INLINE void prefetch(const void* object) noexcept { __builtin_prefetch(object, 0, 2); }

// The start of n elements: once they are used in order, the machine asks for the rest by itself.
template <class T>
ENGRAIN_INLINE void prefetch_row(const T* row, std::size_t n) noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    for (std::size_t i = 0; i < n && i < 4 * line; i += line) prefetch(row + i);
}

// All n elements, where they come from places that the machine does not see in order.
template <class T>
ENGRAIN_INLINE void prefetch_all(const T* row, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; i += 64 / sizeof(T)) prefetch(row + i);
}

// The same into the first cache: they are read next, and often across the ends of lines.
template <class T>
ENGRAIN_INLINE void prefetch_next(const T* row, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; i += 64 / sizeof(T)) __builtin_prefetch(row + i, 0, 3);
}

// All n elements, which will be written.
template <class T>
ENGRAIN_INLINE void prefetch_written(T* row, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; i += 64 / sizeof(T)) __builtin_prefetch(row + i, 1, 2);
}

// Rows that lie apart and are soon used one after the other: short ones whole, since each would end
// before the machine has seen that it goes on; it follows the longer ones by itself.
template <class T>
ENGRAIN_INLINE void prefetch_apart(const T* row, std::size_t n) noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    prefetch_all(row, n <= 24 * line ? n : 8 * line);
}

}  // namespace engrain
