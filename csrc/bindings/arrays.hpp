// The array types of the bindings, named as in the stubs, and the checks they share. Arrays are
// bound with noconvert: wrong dtype or layout raises TypeError, nothing is copied silently.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <string>

namespace engrain::bindings {

namespace py = pybind11;

using F32Array = py::array_t<float, py::array::c_style>;
using F64Array = py::array_t<double, py::array::c_style>;
using I32Array = py::array_t<std::int32_t, py::array::c_style>;
using I64Array = py::array_t<std::int64_t, py::array::c_style>;
using U8Array = py::array_t<std::uint8_t, py::array::c_style>;

// Work below this many elements is done before releasing the GIL would have paid (about 2 us).
constexpr std::size_t release_gil_above = 20000;

inline void check_shape(bool ok, const char* message) {
    if (!ok) throw py::value_error(message);
}

template <class Array>
std::size_t extent(const Array& array, int axis) {
    return static_cast<std::size_t>(array.shape(axis));
}

}  // namespace engrain::bindings
