"""Named arrays and a small JSON header in one block of bytes: the form of payloads and snapshots.

Layout: uint32 length of the header, the header (UTF-8 JSON), padding to 8 bytes, then each array's
raw bytes, padded to 8. The header lists name, dtype and shape of the arrays in order. No pickle.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from engrain.base.errors import StorageError

Arrays = dict[str, np.ndarray[Any, Any]]

_LENGTH = struct.Struct("<I")
_TEXT = re.compile(r"<U\d+")
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"})


_PADDINGS = tuple(b"\0" * (-size % 8) for size in range(8))
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _padding(size: int) -> bytes:
    return _PADDINGS[size % 8]


def pack(
    meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]] | None = None
) -> bytes:
    """Encode `meta` (JSON values) and `arrays` (little-endian), in C order."""
    arrays = arrays or {}
    specs = ",".join([_spec(name, array.dtype, array.shape) for name, array in arrays.items()])
    header = f"[{_encode(meta)},[{specs}]]".encode()
    parts = [_LENGTH.pack(len(header)), header, _padding(4 + len(header))]
    for array in arrays.values():
        body = array.tobytes()
        parts += (body, _padding(len(body)))
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _spec(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return _encode([name, dtype.str, shape])


def unpack(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Invert `pack`; the arrays are read-only views of `data`.

    Raises
    ------
    StorageError
        The bytes are cut, or an array has a dtype that `pack` never writes.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        meta, specs = json.loads(data[4 : 4 + length])
        offset = 4 + length + (-(4 + length) % 8)
        arrays: Arrays = {}
        for name, dtype, shape in specs:
            if dtype not in _DTYPES and not _TEXT.fullmatch(dtype):
                raise StorageError(f"payload array {name!r} has the dtype {dtype!r}")
            count = math.prod(shape)
            arrays[name] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            size = arrays[name].nbytes
            offset += size + (-size % 8)
    except (struct.error, ValueError, TypeError) as error:
        raise StorageError(f"payload of {len(data)} bytes does not decode: {error}") from error
    return meta, arrays
