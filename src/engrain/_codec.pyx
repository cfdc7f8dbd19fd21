"""Named arrays and a JSON header as one block of bytes. Import it from engrain.kernels.blocks."""
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cimport numpy as cnp

import json

import numpy as np

from engrain.base.errors import ShapeError

include "_arrays.pxi"

cnp.import_array()

cdef extern from "engrain/half.hpp" namespace "engrain" nogil:
    void c_round_to_half "engrain::round_to_half"(const float* x, size_t n, float* out)
    void half_bits(const float* x, size_t n, uint16_t* out)

# As unpack knows them, by NumPy's number of the type.
cdef dict TYPES = {
    np.dtype(code).num: code
    for code in ("|b1", "|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
}
cdef object encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
cdef object quoted = json.encoder.encode_basestring
cdef int HALF = np.dtype(np.float16).num


cdef str text_of(object value):
    """Write a JSON value; the plain ones, which most are, without the encoder's set-up."""
    if value is None:
        return "null"
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return quoted(value)
    return encode(value)


cdef str header_of(dict meta, dict arrays):
    cdef list fields = [f"{quoted(name)}:{text_of(value)}" for name, value in meta.items()]
    cdef list specs = []
    cdef cnp.ndarray array
    cdef int i
    for name, array in arrays.items():
        code = TYPES.get(cnp.PyArray_TYPE(array))
        if code is None or not cnp.PyArray_ISNOTSWAPPED(array):
            code = (<object>array).dtype.str
        shape = ",".join([str(cnp.PyArray_DIM(array, i)) for i in range(cnp.PyArray_NDIM(array))])
        specs.append(f"[{quoted(name)},{quoted(code)},[{shape}]]")
    return f"[{{{','.join(fields)}}},[{','.join(specs)}]]"


cdef inline Py_ssize_t padded(Py_ssize_t size):
    return (size + 7) // 8 * 8


def pack_block(dict meta not None, dict arrays not None):
    cdef bytes header = header_of(meta, arrays).encode()
    cdef Py_ssize_t at, size = PyBytes_GET_SIZE(header)
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
    memcpy(to + 4, PyBytes_AS_STRING(header), size)
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
    cdef cnp.ndarray rounded = round_to_half(vector), out = empty_vector(n, HALF)
    half_bits(<float*>cnp.PyArray_DATA(rounded), n, <uint16_t*>cnp.PyArray_DATA(out))
    return out
