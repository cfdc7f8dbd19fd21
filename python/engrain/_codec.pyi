from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array

def pack_block(meta: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> bytes: ...
def round_to_half(vector: F32Array) -> F32Array:
    """Return each value to the nearest float16, as float32, shape (n,)."""

def to_half(vector: F32Array) -> npt.NDArray[np.float16]:
    """Return the values as float16, to the nearest, shape (n,)."""
