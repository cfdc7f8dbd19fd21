"""A request as evidence keeps it and as the log holds it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engrain.base.arrays import F32Array, I32Array
from engrain.kernels.blocks import round_to_half, to_half
from engrain.memory.codec import Arrays, pack, unpack


class Question(NamedTuple):
    """One request. All it will ever teach follows from these values; none is recomputed.

    Attributes
    ----------
    text : str
    scope : int
        Number of the filter in force.
    raw : tuple of (ndarray of float32, shape (dim,), or None)
        Its vector in each view, unit length, rounded to float16.
    vector : ndarray of float32, shape (dim,), or None
        The first view's, centred as it was when asked, unit length, rounded to float16.
    terms, counts, idf : ndarray, shape (terms,)
        Distinct terms, how often they occur, how rare they were when asked.
    """

    text: str
    scope: int
    raw: tuple[F32Array | None, ...]
    vector: F32Array | None
    terms: I32Array
    counts: F32Array
    idf: F32Array

    def encode(self) -> bytes:
        """Return the payload that erasure can drop."""
        arrays: Arrays = {"terms": self.terms, "counts": self.counts, "idf": self.idf}
        arrays |= {f"raw{i}": to_half(v) for i, v in enumerate(self.raw) if v is not None}
        if self.vector is not None:
            arrays["vector"] = to_half(self.vector)
        return pack({"text": self.text, "views": len(self.raw)}, arrays)

    @classmethod
    def decode(cls, data: bytes | None, scope: int) -> Question:
        """Invert `encode`; an erased request has neither text nor terms nor vectors."""
        if data is None:
            none = np.empty(0, np.float32)
            return cls("", scope, (), None, np.empty(0, np.int32), none, none)
        meta, arrays = unpack(data)
        return cls(
            meta["text"],
            scope,
            tuple(_widen(arrays.get(f"raw{i}")) for i in range(meta["views"])),
            _widen(arrays.get("vector")),
            arrays["terms"],
            arrays["counts"],
            arrays["idf"],
        )


def _widen(array: np.ndarray[Any, Any] | None) -> F32Array | None:
    return None if array is None else array.astype(np.float32)


def rounded(vector: F32Array | None) -> F32Array | None:
    """Round to float16, so that live learning sees what replay will read."""
    return None if vector is None else round_to_half(vector)
