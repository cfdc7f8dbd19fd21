# Checks on top of _arrays.pxi for the tables of the inline path: finite values, arrays to write.
from libc.math cimport isfinite

from engrain._csrc cimport all_finite


cdef inline float* f32_finite(object array, Py_ssize_t extent, str name) except NULL:
    cdef float* data = f32_vector(array, extent, name)
    if not all_finite(data, extent):
        raise NonFiniteError(f"{name}: contains NaN or infinity")
    return data


cdef inline float* f32_out(object array, str name) except NULL:
    check_array(array, cnp.NPY_FLOAT32, 1, True, name)
    return <float*> cnp.PyArray_DATA(array)


cdef inline int check_finite(double value, str name) except -1:
    if not isfinite(value):
        raise NonFiniteError(f"{name}: must be finite, got {value}")
    return 0
