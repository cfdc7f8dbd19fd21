"""Arrays of any dtype, shape, stride and value, made from a string of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.kernels import TRACE

DTYPES = (np.float32, np.int64, np.float64, np.int32, np.uint16, np.dtype(">f4"), TRACE)
NUMBERS = (0.0, 1.0, -1.0, 0.5, 1e30, -1e-30, float("nan"), float("inf"), 7.0, 1e300)


class Bytes:
    """Reads choices from a string of bytes, and zeros once it is empty."""

    def __init__(self, data: bytes) -> None:
        self.stream: Iterator[int] = iter(data)

    def byte(self) -> int:
        return next(self.stream, 0)

    def number(self) -> float:
        return NUMBERS[self.byte() % len(NUMBERS)]

    def array(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return an array that is mostly of `dtype`, and now and then of anything."""
        odd = self.byte()
        kind = np.dtype(DTYPES[odd % len(DTYPES)] if odd < 40 or dtype is None else dtype)
        n = self.byte() % 19
        if kind.names:
            out = np.zeros(n, dtype=kind)
        else:
            raw = np.array([self.byte() - 8.0 for _ in range(n)])
            out = raw.astype(kind)
            if kind.kind == "f" and n and self.byte() < 24:
                with np.errstate(over="ignore"):
                    out[self.byte() % n] = self.number()
        shape = self.byte()
        if shape < 12:
            return out[::2]
        if shape < 20:
            return out.reshape(1, -1)
        out.flags.writeable = shape >= 24
        return out

    def matrix(self, dtype: npt.DTypeLike = np.float32, rank: int = 2) -> npt.NDArray[Any]:
        """Return an array of `rank` axes of 0 to 4, and now and then another one."""
        if self.byte() < 16:
            return self.array(dtype)
        shape = [self.byte() % 5 for _ in range(rank)]
        raw = np.array([self.byte() - 8 for _ in range(int(np.prod(shape)))], dtype=np.int16)
        out = raw.astype(dtype)
        if out.size and out.dtype.kind == "f" and self.byte() < 24:
            with np.errstate(over="ignore"):
                out[self.byte() % out.size] = self.number()
        return out.reshape(shape)

    def f32(self) -> npt.NDArray[np.float32]:
        return self.array(np.float32)

    def i64(self) -> npt.NDArray[np.int64]:
        return self.array(np.int64)
