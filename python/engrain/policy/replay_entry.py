"""One interaction as the trainers replay it, and its forms in bytes and JSON."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite, isnan, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array, as_vector
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, StorageError
from engrain.base.ids import Id, decode_id, encode_id

_HEAD = struct.Struct("<7I3d")  # extents of the parts below; confidence, reward, propensity
_LIMITS = {"confidence": (0.0, 1.0), "reward": (-1.0, 1.0), "propensity": (0.0, 1.0)}


class Inputs(NamedTuple):
    """What the situation was computed from, so that gradients can reach encoder and gate.

    Attributes
    ----------
    message_emb, history_emb : ndarray of float32, shape (dim,)
    metadata : mapping
        JSON values.
    """

    message_emb: F32Array
    history_emb: F32Array
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False, init=False)
class ReplayEntry:
    """One interaction; the arguments are converted and checked.

    Parameters
    ----------
    situation_emb : array_like, shape (dim,)
        What the situation looked like.
    memory_indices : sequence of int, shape (n,)
        Which memories were retrieved, as the caller counts them.
    memory_scores : array_like, shape (n,)
        How relevant they scored.
    strategy_id : str
        Which strategy was chosen.
    confidence : float
        What was predicted, in [0, 1].
    reward : float
        What came of it, in [-1, 1].
    memory_ids : sequence of str, int or UUID
        Ids of the memories, empty or of length n: they outlive any ranking.
    inputs : Inputs or tuple of its fields, optional
        What the situation was computed from.
    propensity : float, optional
        Probability in (0, 1] with which the strategy was chosen.

    Raises
    ------
    ShapeError, NonFiniteError, ConfigError, TypeError
        Lengths disagree, or a number is out of its range.
    """

    situation_emb: F32Array
    memory_indices: I64Array
    memory_scores: F32Array
    strategy_id: str
    confidence: float
    reward: float
    memory_ids: tuple[Id, ...]
    inputs: Inputs | None
    propensity: float | None

    def __init__(
        self,
        situation_emb: npt.ArrayLike,
        memory_indices: npt.ArrayLike,
        memory_scores: npt.ArrayLike,
        strategy_id: str,
        confidence: float,
        reward: float,
        memory_ids: Sequence[Id] = (),
        inputs: Inputs | tuple[npt.ArrayLike, npt.ArrayLike, Mapping[str, Any]] | None = None,
        propensity: float | None = None,
    ) -> None:
        indices = np.array(memory_indices, dtype=np.int64)
        scores = np.array(memory_scores, dtype=np.float32)
        ids = tuple(memory_ids)
        if indices.ndim != 1 or scores.shape != indices.shape or len(ids) not in (0, len(indices)):
            raise ShapeError(
                "memory_indices, memory_scores, memory_ids: expected one length (or no ids), got "
                f"{indices.shape}, {scores.shape}, {len(ids)}"
            )
        if not isfinite(sum(scores.tolist())):  # of doubles: no sum of finite float32 is too large
            raise NonFiniteError("memory_scores: contains NaN or infinity")
        if not isinstance(strategy_id, str):
            raise TypeError(f"strategy_id: expected a str, got {strategy_id!r}")
        values = (
            as_vector(situation_emb, None, "situation_emb"),
            indices,
            scores,
            strategy_id,
            _number(confidence, "confidence"),
            _number(reward, "reward"),
            ids,
            None if inputs is None else _inputs(*inputs),
            None if propensity is None else _number(propensity, "propensity"),
        )
        for keep, value in zip(_KEEP, values, strict=True):
            keep(self, value)


_KEEP = [ReplayEntry.__dict__[field.name].__set__ for field in fields(ReplayEntry)]


def _number(value: float, name: str) -> float:
    low, high = _LIMITS[name]
    number = float(value)
    if not low <= number <= high:
        raise ConfigError(f"{name}: expected a number in [{low:g}, {high:g}], got {value!r}")
    return number


def _inputs(message: Any, history: Any, metadata: Mapping[str, Any]) -> Inputs:
    if not isinstance(metadata, Mapping):
        raise TypeError(f"inputs: expected a mapping of metadata, got {metadata!r}")
    message = as_vector(message, None, "message_emb")
    return Inputs(message, as_vector(history, None, "history_emb"), metadata)


def encode(entry: ReplayEntry) -> bytes:
    """Write an entry as bytes: extents, then arrays, then texts."""
    strategy = entry.strategy_id.encode()
    ids = _json([encode_id(id) for id in entry.memory_ids]) if entry.memory_ids else b""
    situation = entry.situation_emb.tobytes()
    inputs = entry.inputs
    message = history = metadata = b""
    if inputs is not None:
        message, history = inputs.message_emb.tobytes(), inputs.history_emb.tobytes()
        metadata = _json(dict(inputs.metadata))
    sizes = map(len, (situation, entry.memory_indices, message, history, strategy, ids, metadata))
    propensity = nan if entry.propensity is None else entry.propensity
    head = _HEAD.pack(*sizes, entry.confidence, entry.reward, propensity)
    indices, scores = entry.memory_indices.tobytes(), entry.memory_scores.tobytes()
    return b"".join((head, situation, indices, scores, message, history, strategy, ids, metadata))


def decode(data: bytes) -> ReplayEntry:
    """Invert `encode`.

    Raises
    ------
    StorageError
        The bytes are cut or hold no entry.
    """
    try:
        situation, n, message, history, strategy, ids, metadata, *numbers = _HEAD.unpack_from(data)
        sizes = (situation, 8 * n, 4 * n, message, history, strategy, ids, metadata)
        parts = _split(data, sizes)
        values = (
            _floats(parts[0]),
            np.frombuffer(bytearray(parts[1]), "<i8"),
            np.frombuffer(bytearray(parts[2]), "<f4"),
            parts[5].decode(),
            numbers[0],
            numbers[1],
            tuple(map(decode_id, json.loads(parts[6]))) if ids else (),
            _inputs_of(parts[3], parts[4], parts[7]) if message else None,
            None if isnan(numbers[2]) else numbers[2],
        )
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise StorageError(f"entry of {len(data)} bytes does not decode: {error}") from error
    entry = object.__new__(ReplayEntry)  # its fields were checked before they were written
    for keep, value in zip(_KEEP, values, strict=True):
        keep(entry, value)
    return entry


def _split(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    parts, start = [], _HEAD.size
    for size in sizes:
        parts.append(data[start : start + size])
        start += size
    if start != len(data):
        raise ValueError(f"expected {start} bytes")
    return parts


def _floats(data: bytes) -> F32Array:
    return np.frombuffer(data, "<f4")


def _inputs_of(message: bytes, history: bytes, metadata: bytes) -> Inputs:
    return Inputs(_floats(message), _floats(history), json.loads(metadata))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def to_json(entry: ReplayEntry) -> str:
    """Write an entry as one line of JSON; float32 values are kept exactly."""
    fields: dict[str, Any] = {
        "situation_emb": entry.situation_emb.tolist(),
        "memory_indices": entry.memory_indices.tolist(),
        "memory_scores": entry.memory_scores.tolist(),
        "strategy_id": entry.strategy_id,
        "confidence": entry.confidence,
        "reward": entry.reward,
    }
    if entry.memory_ids:
        fields["memory_ids"] = [encode_id(id) for id in entry.memory_ids]
    if entry.inputs is not None:
        message, history, metadata = entry.inputs
        fields["inputs"] = [message.tolist(), history.tolist(), dict(metadata)]
    if entry.propensity is not None:
        fields["propensity"] = entry.propensity
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def from_json(line: str) -> ReplayEntry:
    """Invert `to_json`; fields that it does not write are ignored.

    Raises
    ------
    ValueError, TypeError, KeyError
        No entry.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise TypeError(f"expected an object, got {type(fields).__name__}")
    inputs = fields.get("inputs")
    return ReplayEntry(
        fields["situation_emb"],
        fields["memory_indices"],
        fields["memory_scores"],
        fields["strategy_id"],
        fields["confidence"],
        fields["reward"],
        tuple(map(decode_id, fields.get("memory_ids", ()))),
        None if inputs is None else Inputs(*inputs),
        fields.get("propensity"),
    )
