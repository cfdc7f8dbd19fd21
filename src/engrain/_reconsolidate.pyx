# distutils: language = c++
"""One memory turned in place; import it from engrain.kernels."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from engrain._csrc cimport reconsolidate, score_rows

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError

cnp.import_array()
include "_arrays.pxi"
include "_checks.pxi"

cdef float zero = 0.0


cdef bint have_directions(const float* m, const float* q, Py_ssize_t dim) noexcept:
    cdef float squares[2]
    score_rows(m, m, 1, dim, squares)
    score_rows(q, q, 1, dim, squares + 1)
    return 0.0 < squares[0] * squares[1]


def reconsolidate_one(cnp.ndarray memories not None, int64_t row, cnp.ndarray query not None,
                      double rate, double max_tangent, double min_mismatch=0.0):
    """Turn one memory toward or away from a query, in place; see `engrain.kernels.reconsolidate`.

    Parameters
    ----------
    memories : ndarray of float32, shape (memories, dim)
    row : int
    query : ndarray of float32, shape (dim,)
    rate : float
        In [-1, 1].
    max_tangent : float
        Of the largest turn.
    min_mismatch : float
        Least 1 - cosine for a change.

    Returns
    -------
    float or None
        Cosine before the step; None where nothing changed.

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, the row does not exist, or a value is out of range.
    """
    check_array(memories, cnp.NPY_FLOAT32, 2, True, "memories")
    cdef Py_ssize_t dim = cnp.PyArray_DIM(memories, 1)
    cdef const float* q = f32_finite(query, dim, "query")
    if not 0 <= row < cnp.PyArray_DIM(memories, 0):
        raise ValueError(f"row: {row} is not in [0, {len(memories)})")
    if not (-1.0 <= rate <= 1.0 and 0.0 < max_tangent):
        raise ConfigError(f"rate {rate} must lie in [-1, 1], max_tangent {max_tangent} above 0")
    cdef float* m = <float*>cnp.PyArray_DATA(memories) + row * dim
    cdef int64_t first = 0
    cdef float cosine, step = <float>rate
    if step == 0.0:
        return None
    reconsolidate(m, &first, q, 0, &zero, 1, dim, max_tangent, &cosine)
    if 1.0 - <double>cosine < min_mismatch:
        return None
    if cosine == 0.0 and not have_directions(m, q, dim):
        return None
    reconsolidate(m, &first, q, 0, &step, 1, dim, max_tangent, &cosine)
    return cosine
