# Checked arrays for the state of the ranking, and what they become as vectors of C++.
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy
from libcpp.vector cimport vector

cdef object dtype_names = {
    cnp.NPY_FLOAT32: "float32", cnp.NPY_FLOAT64: "float64", cnp.NPY_INT32: "int32",
    cnp.NPY_INT64: "int64", cnp.NPY_UINT8: "uint8", cnp.NPY_INT8: "int8",
}


cdef inline void* data_of(cnp.ndarray array, int type_num, str name) except? NULL:
    """Return the data of a C-contiguous array of exactly this dtype."""
    if cnp.PyArray_TYPE(array) != type_num or not cnp.PyArray_IS_C_CONTIGUOUS(array):
        raise TypeError(
            f"{name}: expected a C-contiguous array of {dtype_names[type_num]}, got {array.dtype}"
            f" with strides {(<object>array).strides}; convert it with np.ascontiguousarray"
        )
    return cnp.PyArray_DATA(array)


cdef inline int check_shape(cnp.ndarray array, str name, Py_ssize_t rows,
                            Py_ssize_t columns=-1) except -1:
    """Check for shape (rows,) or (rows, columns)."""
    cdef int wanted = 1 if columns < 0 else 2
    if cnp.PyArray_NDIM(array) != wanted or cnp.PyArray_DIM(array, 0) != rows or (
            columns >= 0 and cnp.PyArray_DIM(array, 1) != columns):
        shape = f"({rows},)" if columns < 0 else f"({rows}, {columns})"
        raise ValueError(f"{name}: expected shape {shape}, got {(<object>array).shape}")
    return 0


cdef inline int check_outcomes(const float* outcomes, Py_ssize_t n) except -1:
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n):
        if not 0 <= outcomes[i] <= 1:
            raise ValueError(f"outcomes: expected numbers in [0, 1], got {outcomes[i]}")
        total += outcomes[i]
    if total <= 0:
        raise ValueError("outcomes: expected at least one above 0")
    return 0


cdef inline cnp.ndarray floats(const vector[float]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.float32)
    cdef size_t i
    for i in range(values.size()):
        (<float*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef inline cnp.ndarray doubles(const vector[double]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.float64)
    if values.size():
        memcpy(cnp.PyArray_DATA(out), values.data(), values.size() * sizeof(double))
    return out


cdef inline cnp.ndarray longs(const vector[int64_t]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.int64)
    cdef size_t i
    for i in range(values.size()):
        (<int64_t*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef inline cnp.ndarray ints(const vector[int32_t]& values):
    cdef cnp.ndarray out = np.empty(values.size(), dtype=np.int32)
    cdef size_t i
    for i in range(values.size()):
        (<int32_t*>cnp.PyArray_DATA(out))[i] = values[i]
    return out


cdef inline int take_floats(object state, str name, vector[float]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef float* data = <float*>data_of(array, cnp.NPY_FLOAT32, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0


cdef inline int take_longs(object state, str name, vector[int64_t]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef int64_t* data = <int64_t*>data_of(array, cnp.NPY_INT64, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0


cdef inline int take_ints(object state, str name, vector[int32_t]& out) except -1:
    cdef cnp.ndarray array = state[name]
    cdef int32_t* data = <int32_t*>data_of(array, cnp.NPY_INT32, name)
    out.assign(data, data + cnp.PyArray_SIZE(array))
    return 0
