// The array types of the bindings, named as in the stubs, and the checks they share. Arrays are
// bound with noconvert: wrong dtype or layout raises TypeError, nothing is copied silently.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "engrain/finite.hpp"

namespace engrain::bindings {

namespace py = pybind11;

using F32Array = py::array_t<float, py::array::c_style>;
using F64Array = py::array_t<double, py::array::c_style>;
using I32Array = py::array_t<std::int32_t, py::array::c_style>;
using I64Array = py::array_t<std::int64_t, py::array::c_style>;
using I8Array = py::array_t<std::int8_t, py::array::c_style>;
using U16Array = py::array_t<std::uint16_t, py::array::c_style>;
using U8Array = py::array_t<std::uint8_t, py::array::c_style>;

// Work below this many elements is done before releasing the GIL would have paid (about 2 us).
constexpr std::size_t release_gil_above = 20000;

inline void check_shape(bool ok, const char* message) {
    if (!ok) throw py::value_error(message);
}

inline void check_finite(const float* values, std::size_t n, const char* name) {
    if (!all_finite(values, n))
        throw py::value_error(std::string(name) + ": contains NaN or infinity");
}

inline void check_finite(double value, const char* name) {
    if (!std::isfinite(value)) throw py::value_error(std::string(name) + ": must be finite");
}

// Handles index rows: each must lie in [0, size).
inline void check_handles(const std::int64_t* handles, std::size_t n, std::size_t size,
                          const char* name) {
    for (std::size_t i = 0; i < n; ++i)
        if (handles[i] < 0 || std::size_t(handles[i]) >= size)
            throw py::value_error(std::string(name) + ": " + std::to_string(handles[i]) +
                                  " is not in [0, " + std::to_string(size) + ")");
}

template <class Array>
std::size_t extent(const Array& array, int axis) {
    return static_cast<std::size_t>(array.shape(axis));
}

}  // namespace engrain::bindings
