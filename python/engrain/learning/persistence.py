"""Learned state on disk: safetensors with a schema and a checksum, replaced in one step."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from engrain.base.errors import SnapshotError

SCHEMA = 1
LARGE = 1 << 20  # bytes that are worth a turn without the interpreter


class Stateful(Protocol):
    """Anything whose whole state is a mapping of arrays, numbers, texts and lists of them."""

    def state(self) -> Any:
        """Return the whole state."""

    def load(self, state: Any) -> None:
        """Take over a state returned by `state`."""


def save_checkpoint(path: str | os.PathLike[str], parts: Mapping[str, Stateful]) -> None:
    """Write the states of named parts into one file.

    The file appears whole or not at all: it is written beside its place, synchronised to disk and
    then renamed.

    Parameters
    ----------
    path : path-like
    parts : mapping of str to Stateful
    """
    save_state(path, {name: part.state() for name, part in parts.items()})


def load_checkpoint(path: str | os.PathLike[str], parts: Mapping[str, Stateful]) -> None:
    """Load the states of named parts from a file written by `save_checkpoint`.

    Raises
    ------
    SnapshotError
        The file is missing, damaged, of another schema, or holds other parts; nothing is loaded.
    """
    state = load_state(path)
    if set(state) != set(parts):
        raise SnapshotError(f"{path} holds {sorted(state)}, asked for {sorted(parts)}")
    for name, part in parts.items():
        part.load(state[name])


def save_state(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write one nested state."""
    tensors: dict[str, np.ndarray[Any, Any]] = {}
    plain = _split(state, "", tensors)
    text = json.dumps({"schema": SCHEMA, "state": plain}, sort_keys=True, allow_nan=True)
    metadata = {"engrain": text, "sha256": _checksum(text, tensors)}
    _replace(Path(path), save_tensors(tensors, metadata))


def load_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a state written by `save_state`.

    Raises
    ------
    SnapshotError
        Missing, damaged, or of another schema.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SnapshotError(f"cannot read {path}: {error.strerror}") from error
    try:
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
        tensors = load_tensors(data)
        text, checksum = metadata["engrain"], metadata["sha256"]
    except Exception as error:
        raise SnapshotError(f"{path} is damaged or not a snapshot: {error}") from error
    if checksum != _checksum(text, tensors):
        raise SnapshotError(f"{path} is damaged: its checksum does not agree")
    content = json.loads(text)
    if content["schema"] != SCHEMA:
        raise SnapshotError(f"{path} has schema {content['schema']}, this engrain reads {SCHEMA}")
    joined: dict[str, Any] = _join(content["state"], "", tensors)
    return joined


def _split(value: Any, name: str, tensors: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Return `value` with arrays moved into `tensors` under their path."""
    if isinstance(value, np.ndarray):
        whole = np.ascontiguousarray(value).reshape(value.shape)
        if value.dtype.names is None:
            tensors[name] = whole
            return {"$array": True}
        tensors[name] = whole.view(np.uint8)
        return {"$array": [list(field) for field in value.dtype.descr]}
    if isinstance(value, Mapping):
        return {key: _split(item, f"{name}/{key}", tensors) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_split(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _join(value: Any, name: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, dict) and "$array" in value:
        fields = value["$array"]
        record = None if fields is True else np.dtype([tuple(field) for field in fields])
        return tensors[name] if record is None else tensors[name].view(record)
    if isinstance(value, dict):
        return {key: _join(item, f"{name}/{key}", tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_join(item, f"{name}/{i}", tensors) for i, item in enumerate(value)]
    return value


def _checksum(text: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> str:
    digest, small = hashlib.sha256(), [text.encode()]
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        small.append(f"\x00{name}\x00{array.dtype.str}{array.shape}".encode())
        if array.nbytes < LARGE:
            small.append(array.tobytes())
        else:
            digest.update(b"".join(small))
            digest.update(array.data)
            small = []
    digest.update(b"".join(small))
    return digest.hexdigest()


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
