// The array types of the bindings, named as in the stubs, and the checks they share. An argument
// of another dtype or layout is a TypeError: nothing is converted, nothing is copied.
#pragma once

#include <nanobind/nanobind.h>

#define PY_ARRAY_UNIQUE_SYMBOL engrain_numpy
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#ifndef ENGRAIN_IMPORTS_NUMPY  // arrays.cpp alone holds NumPy's table of functions
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "engrain/finite.hpp"

namespace engrain::bindings {

namespace nb = nanobind;

// Fills NumPy's table of functions; called once, when the module is imported.
void import_numpy();

// Whether a NumPy type is that of T, and its name in error messages.
template <class T>
struct Dtype;
#define ENGRAIN_DTYPE(T, NUMBER, NAME)                             \
    template <>                                                    \
    struct Dtype<T> {                                              \
        static constexpr int number = NUMBER;                      \
        static constexpr auto name = nb::detail::const_name(NAME); \
        static bool is(PyArray_Descr* type) noexcept {             \
            return PyArray_EquivTypenums(type->type_num, number);  \
        }                                                          \
    }
ENGRAIN_DTYPE(float, NPY_FLOAT32, "float32");
ENGRAIN_DTYPE(double, NPY_FLOAT64, "float64");
ENGRAIN_DTYPE(std::int8_t, NPY_INT8, "int8");
ENGRAIN_DTYPE(std::int32_t, NPY_INT32, "int32");
ENGRAIN_DTYPE(std::int64_t, NPY_INT64, "int64");
ENGRAIN_DTYPE(std::uint8_t, NPY_UINT8, "uint8");
ENGRAIN_DTYPE(std::uint16_t, NPY_UINT16, "uint16");
ENGRAIN_DTYPE(std::uint32_t, NPY_UINT32, "uint32");
ENGRAIN_DTYPE(std::uint64_t, NPY_UINT64, "uint64");
#undef ENGRAIN_DTYPE

// A NumPy array that a call or an object keeps alive.
class AnyArray {
  public:
    AnyArray() = default;
    explicit AnyArray(nb::object array) : object_(std::move(array)) {}
    int ndim() const { return PyArray_NDIM(array()); }
    std::ptrdiff_t shape(std::size_t axis) const { return PyArray_DIM(array(), int(axis)); }
    std::ptrdiff_t size() const { return PyArray_SIZE(array()); }
    const nb::object& object() const { return object_; }

  protected:
    PyArrayObject* array() const { return reinterpret_cast<PyArrayObject*>(object_.ptr()); }

  private:
    nb::object object_;
};

// A C-contiguous array of T.
template <class T>
class Array : public AnyArray {
  public:
    using AnyArray::AnyArray;
    static bool holds(nb::handle value) noexcept {
        if (!PyArray_Check(value.ptr())) return false;
        auto* array = reinterpret_cast<PyArrayObject*>(value.ptr());
        return PyArray_ISCARRAY_RO(array) && Dtype<T>::is(PyArray_DESCR(array));
    }
    static Array empty(std::size_t n) {
        npy_intp shape = npy_intp(n);
        return Array(nb::steal(PyArray_SimpleNew(1, &shape, Dtype<T>::number)));
    }
    const T* data() const { return static_cast<const T*>(PyArray_DATA(array())); }
    T* mutable_data() {
        if (!PyArray_ISWRITEABLE(array())) throw nb::value_error("array is not writeable");
        return static_cast<T*>(PyArray_DATA(array()));
    }
};

using F32Array = Array<float>;
using F64Array = Array<double>;
using I32Array = Array<std::int32_t>;
using I64Array = Array<std::int64_t>;
using I8Array = Array<std::int8_t>;
using U8Array = Array<std::uint8_t>;
using U16Array = Array<std::uint16_t>;
using U32Array = Array<std::uint32_t>;
using U64Array = Array<std::uint64_t>;

// Work below this many elements is done before releasing the GIL would have paid (about 2 us).
constexpr std::size_t release_gil_above = 20000;

inline void check_shape(bool ok, const char* message) {
    if (!ok) throw nb::value_error(message);
}

inline void check_finite(const float* values, std::size_t n, const char* name) {
    if (!all_finite(values, n))
        throw nb::value_error((std::string(name) + ": contains NaN or infinity").c_str());
}

inline void check_finite(double value, const char* name) {
    if (!std::isfinite(value))
        throw nb::value_error((std::string(name) + ": must be finite").c_str());
}

// Each value indexes rows: it must lie in [first, size).
template <class Index>
void check_indices(const Index* values, std::size_t n, std::int64_t first, std::size_t size,
                   const char* name) {
    for (std::size_t i = 0; i < n; ++i)
        if (values[i] < first || values[i] >= std::int64_t(size))
            throw nb::value_error((std::string(name) + ": " + std::to_string(values[i]) +
                                   " is not in [" + std::to_string(first) + ", " +
                                   std::to_string(size) + ")")
                                      .c_str());
}

inline void check_handles(const std::int64_t* handles, std::size_t n, std::size_t size,
                          const char* name) {
    check_indices(handles, n, 0, size, name);
}

inline std::size_t extent(const AnyArray& array, int axis) {
    return static_cast<std::size_t>(array.shape(std::size_t(axis)));
}

}  // namespace engrain::bindings

template <class T>
struct nanobind::detail::type_caster<engrain::bindings::Array<T>> {
    using Held = engrain::bindings::Array<T>;
    NB_TYPE_CASTER(Held, const_name("numpy.ndarray[") + engrain::bindings::Dtype<T>::name +
                             const_name("]"))
    bool from_python(handle source, std::uint8_t, cleanup_list*) noexcept {
        if (!Held::holds(source)) return false;
        value = Held(borrow(source));
        return true;
    }
    static handle from_cpp(const Held& array, rv_policy, cleanup_list*) noexcept {
        return array.object().inc_ref();
    }
};
