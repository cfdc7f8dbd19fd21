"""Named arrays and a JSON header as one block of bytes. Import it from engrain.kernels.blocks."""
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memset
from libcpp.string cimport string, to_string
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

cimport numpy as cnp

import json

import numpy as np

from engrain.base.errors import ShapeError

include "_arrays.pxi"

cnp.import_array()

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from "engrain/half.hpp" namespace "engrain" nogil:
    void c_round_to_half "engrain::round_to_half"(const float* x, size_t n, float* out)
    void to_half_bits(const float* x, size_t n, uint16_t* out)

# As unpack knows them, by NumPy's number of the type.
cdef dict TYPES = {
    np.dtype(code).num: code
    for code in ("|b1", "|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
}
cdef object encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
cdef object quoted = json.encoder.encode_basestring
cdef int HALF = np.dtype(np.float16).num


cdef int write_text(string& to, str text) except -1:
    cdef Py_ssize_t size
    cdef const char* data = PyUnicode_AsUTF8AndSize(text, &size)
    to.append(data, size)
    return 0


cdef int write_value(string& to, object value) except -1:
    """Write a JSON value; the plain ones, which most are, without the encoder's set-up."""
    if value is None:
        to.append(b"null")
    elif type(value) is int:
        write_text(to, str(value))
    elif type(value) is str:
        write_text(to, quoted(value))
    else:
        write_text(to, encode(value))
    return 0


cdef int write_spec(string& to, str name, cnp.ndarray array) except -1:
    """Write name, dtype and shape."""
    cdef int i, n = cnp.PyArray_NDIM(array)
    code = TYPES.get(cnp.PyArray_TYPE(array))
    if code is None or not cnp.PyArray_ISNOTSWAPPED(array):
        code = (<object>array).dtype.str
    to.append(b"[")
    write_text(to, quoted(name))
    to.append(b',"')
    write_text(to, code)
    to.append(b'",[')
    for i in range(n):
        if i:
            to.append(b",")
        to.append(to_string(<long long>cnp.PyArray_DIM(array, i)))
    to.append(b"]]")
    return 0


cdef int write_header(string& to, dict meta, dict arrays) except -1:
    cdef str name
    to.append(b"[{")
    for i, (name, value) in enumerate(meta.items()):
        if i:
            to.append(b",")
        write_text(to, quoted(name))
        to.append(b":")
        write_value(to, value)
    to.append(b"},[")
    for i, (name, array) in enumerate(arrays.items()):
        if i:
            to.append(b",")
        write_spec(to, name, array)
    to.append(b"]]")
    return 0


cdef inline Py_ssize_t padded(Py_ssize_t size):
    return (size + 7) // 8 * 8


def pack_block(dict meta not None, dict arrays not None):
    cdef string header
    write_header(header, meta, arrays)
    cdef Py_ssize_t at, size = header.size()
    cdef Py_ssize_t total = padded(4 + size)
    cdef uint32_t length = size
    cdef cnp.ndarray array
    cdef list bodies = []
    for array in arrays.values():
        if not cnp.PyArray_IS_C_CONTIGUOUS(array):
            array = np.ascontiguousarray(array)
        bodies.append(array)
        total += padded(cnp.PyArray_NBYTES(array))
    cdef bytes out = PyBytes_FromStringAndSize(NULL, total)
    cdef char* to = PyBytes_AS_STRING(out)
    memcpy(to, &length, 4)
    memcpy(to + 4, header.data(), size)
    memset(to + 4 + size, 0, padded(4 + size) - 4 - size)
    at = padded(4 + size)
    for array in bodies:
        size = cnp.PyArray_NBYTES(array)
        memcpy(to + at, cnp.PyArray_DATA(array), size)
        memset(to + at + size, 0, padded(size) - size)
        at += padded(size)
    return out


cdef cnp.ndarray empty_vector(cnp.npy_intp n, int kind):
    return cnp.PyArray_EMPTY(1, &n, kind, 0)


def round_to_half(vector not None):
    cdef cnp.npy_intp n = len(vector)
    cdef const float* x = f32_vector(vector, n, "vector")
    cdef cnp.ndarray out = empty_vector(n, cnp.NPY_FLOAT32)
    c_round_to_half(x, n, <float*>cnp.PyArray_DATA(out))
    return out


def to_half(vector not None):
    cdef cnp.npy_intp n = len(vector)
    cdef const float* x = f32_vector(vector, n, "vector")
    cdef cnp.ndarray out = empty_vector(n, HALF)
    to_half_bits(x, n, <uint16_t*>cnp.PyArray_DATA(out))
    return out
