"""Array types, named as in the C++ bindings, and the checks at the public doors."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engrain.base.errors import NonFiniteError, ShapeError

F32Array: TypeAlias = npt.NDArray[np.float32]
F64Array: TypeAlias = npt.NDArray[np.float64]
I8Array: TypeAlias = npt.NDArray[np.int8]
U8Array: TypeAlias = npt.NDArray[np.uint8]
U16Array: TypeAlias = npt.NDArray[np.uint16]
I32Array: TypeAlias = npt.NDArray[np.int32]
I64Array: TypeAlias = npt.NDArray[np.int64]
U64Array: TypeAlias = npt.NDArray[np.uint64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
NamedArrays: TypeAlias = dict[str, npt.NDArray[Any]]


def as_floats(value: Any, dim: int | None, name: str = "vector") -> F32Array:
    """Convert a public argument to a contiguous float32 vector, whatever its values.

    Parameters, result and errors are those of `as_vector`, but for `NonFiniteError`.
    """
    try:
        vector = np.ascontiguousarray(value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: expected numbers, got {type(value).__name__}") from error
    if vector.ndim != 1 or vector.size == 0 or (dim is not None and vector.size != dim):
        wanted = f"({dim},)" if dim is not None else "(dim,) with dim > 0"
        raise ShapeError(f"{name}: expected shape {wanted}, got {vector.shape}")
    return vector


def as_vector(value: Any, dim: int | None, name: str = "vector") -> F32Array:
    """Convert a public argument to a finite, contiguous float32 vector.

    Parameters
    ----------
    value : array_like
        One-dimensional, any real dtype.
    dim : int or None
        Required length; None accepts any length above 0.
    name : str
        How error messages call the argument.

    Returns
    -------
    ndarray of float32, shape (dim,)

    Raises
    ------
    ShapeError
        Not one-dimensional, or not of length `dim`.
    NonFiniteError
        Contains NaN or an infinity.
    """
    vector = as_floats(value, dim, name)
    # A finite sum of squares says so in a tenth of the time.
    if not math.isfinite(vector.dot(vector)) and not np.isfinite(vector).all():
        raise NonFiniteError(f"{name}: contains NaN or infinity; clean the input before passing it")
    return vector
