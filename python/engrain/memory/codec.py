"""Named arrays and a small JSON header in one block of bytes: the form of payloads and snapshots.

Layout: uint32 length of the header, the header (UTF-8 JSON), padding to 8 bytes, then each array's
raw bytes, padded to 8. The header lists name, dtype and shape of the arrays in order. No pickle.
"""

from __future__ import annotations

import json
import math
import re
import struct
from typing import Any

import numpy as np

from engrain.base.errors import StorageError
from engrain.kernels.blocks import pack_block

Arrays = dict[str, np.ndarray[Any, Any]]

_LENGTH = struct.Struct("<I")
_TEXT = re.compile(r"<U\d+")
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"})


def pack(meta: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]] | None = None) -> bytes:
    """Encode `meta` (JSON values) and `arrays` (little-endian), in C order."""
    return pack_block(meta, arrays or {})


def unpack(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Invert `pack`; the arrays are read-only views of `data`.

    Raises
    ------
    StorageError
        The bytes are cut, or an array has a dtype that `pack` never writes.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        meta, specs = json.loads(str(data[4 : 4 + length], "utf-8"))
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
