"""What a memory holds, seen by importance: decay, consolidation, pruning."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array, as_vector
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, SnapshotError
from engrain.base.ids import Id, decode_id, encode_id
from engrain.kernels import score_rows
from engrain.memory.memory import Memory
from engrain.policy.gate_ladder import Gate

DAY = 86400.0
FLOOR = 0.01
_BLOCK = 512


class Merge(NamedTuple):
    """Near-duplicates that stand behind the most important of them.

    Attributes
    ----------
    kept : id
    merged : tuple of id
    """

    kept: Id
    merged: tuple[Id, ...]


class MemoryBank:
    """A view of a `Memory`: nothing is stored twice.

    The importance of a memory is ``worth * exp(-decay_rate * days since its last access)``, at
    least 0.01; its worth is the importance it came with, averaged with its quality once feedback
    has spoken. It follows from the store and the time alone, however often anyone asks.

    Parameters
    ----------
    memory : Memory or path-like
        A memory with vectors, or the file of one to open (and close with the bank).
    max_memories : int
        What `prune` keeps by default.
    decay_rate : float
        Per day, at least 0.
    merges : path-like, optional
        File that remembers what `consolidate` merged; ``<file>.merges`` beside a file opened here.
        Without one, merges last as long as the bank.
    clock : callable
        Seconds since the epoch.

    Raises
    ------
    ConfigError
        A setting is out of its range.
    SnapshotError
        The file of merges does not decode.
    """

    def __init__(
        self,
        memory: Memory | str | os.PathLike[str],
        *,
        max_memories: int = 10_000,
        decay_rate: float = 0.01,
        merges: str | os.PathLike[str] | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        if max_memories < 1 or not 0.0 <= decay_rate < np.inf:
            raise ConfigError(
                "expected max_memories >= 1 and a finite decay_rate >= 0, got "
                f"{max_memories!r}, {decay_rate!r}"
            )
        self._owns = not isinstance(memory, Memory)
        if not isinstance(memory, Memory):
            merges = merges or f"{os.fspath(memory)}.merges"
            memory = Memory(os.fspath(memory), clock=clock)
        self.memory, self.max_memories, self.decay_rate = memory, max_memories, decay_rate
        self._clock, self._file = clock, None if merges is None else Path(merges)
        self._behind: dict[Id, Id] = _read_merges(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.ids())

    def close(self) -> None:
        """Close the memory where this bank opened it."""
        if self._owns:
            self.memory.close()

    def ids(self) -> list[Id]:
        """Return the ids of all memories that are not merged into another, oldest first."""
        held = self.memory.ids()
        standing = set(held) & set(self._behind.values())
        return [id for id in held if self._behind.get(id) not in standing]

    def add(
        self,
        text: str | None = None,
        embedding: npt.ArrayLike | None = None,
        *,
        importance: float = 0.5,
        id: Id | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Id:
        """Remember one thing with an importance in [0, 1]; see `Memory.remember`."""
        if not 0.0 <= importance <= 1.0:
            raise ConfigError(f"importance: expected a number in [0, 1], got {importance!r}")
        held = {**(metadata or {}), "importance": float(importance)}
        return self.memory.remember(text, vector=embedding, id=id, metadata=held)

    def importance(self, id: Id) -> float:
        """Return the importance of a memory now.

        Raises
        ------
        UnknownIdError
            The memory holds no such id.
        """
        known = self.memory.get(id)
        worth = known["metadata"].get("importance", 0.5)
        if known["quality"] is not None:
            worth = 0.5 * (worth + known["quality"])
        days = max(0.0, self._clock() - known["accessed"]) / DAY
        return max(FLOOR, float(worth * np.exp(-self.decay_rate * days)))

    def decay(self) -> dict[Id, float]:
        """Return the importance of every memory now; calling it changes nothing."""
        return {id: self.importance(id) for id in self.ids()}

    def vectors(self, ids: Iterable[Id]) -> F32Array:
        """Return the unit vectors of memories, shape (n, dim).

        Raises
        ------
        UnknownIdError
            The memory does not hold one of them.
        ConfigError
            It holds no vectors.
        """
        found = self.memory.vectors(ids)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        return np.ascontiguousarray(found / np.maximum(norms, 1e-30), np.float32)

    def retrieve(
        self,
        query_embedding: npt.ArrayLike,
        k: int = 5,
        gate: Gate | None = None,
        min_importance: float = 0.0,
    ) -> list[tuple[Id, float]]:
        """Return the `k` memories that score highest, best first; by cosine without a gate.

        Reading leaves no trace: no access is counted, importance stays.

        Parameters
        ----------
        query_embedding : array_like, shape (dim,)
        k : int
        gate : object with ``score_memories(situation, memories)``, optional
        min_importance : float
            Memories below it are left out.
        """
        ids = self.ids()
        if min_importance:
            ids = [id for id in ids if self.importance(id) >= min_importance]
        if not ids:
            return []
        rows = self.vectors(ids)
        query = as_vector(query_embedding, rows.shape[1], "query_embedding")
        query = np.ascontiguousarray(query / max(float(np.linalg.norm(query)), 1e-30), np.float32)
        found = score_rows(rows, query) if gate is None else gate.score_memories(query, rows)
        scores = np.asarray(found, np.float64)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(ids[place], float(scores[place])) for place in best.tolist()]

    # merging

    @property
    def merges(self) -> list[Merge]:
        """What is merged at present."""
        groups: dict[Id, list[Id]] = {}
        for id, kept in self._behind.items():
            groups.setdefault(kept, []).append(id)
        return [Merge(kept, tuple(merged)) for kept, merged in groups.items()]

    def consolidate(self, similarity_threshold: float = 0.95) -> list[Merge]:
        """Let each memory stand for less important ones whose cosine with it exceeds a threshold.

        The merged ones stay in the memory and leave this view; `undo` brings them back as they
        were.

        Returns
        -------
        list of Merge
            What this call merged.
        """
        if not -1.0 <= similarity_threshold <= 1.0:
            raise ConfigError(
                f"similarity_threshold: expected a cosine, got {similarity_threshold!r}"
            )
        ids = sorted(self.ids(), key=self.importance, reverse=True)
        if not ids:
            return []
        taken = np.zeros(len(ids), np.bool_)
        done: list[Merge] = []
        rows = self.vectors(ids)
        for start in range(0, len(ids), _BLOCK):
            close = rows[start : start + _BLOCK] @ rows.T > similarity_threshold
            for place in range(start, min(start + _BLOCK, len(ids))):
                if taken[place]:
                    continue
                twins = _later(close[place - start] & ~taken, place)
                if len(twins):
                    taken[twins] = True
                    done.append(Merge(ids[place], tuple(ids[twin] for twin in twins.tolist())))
        self._behind.update({id: merge.kept for merge in done for id in merge.merged})
        # What stood behind a merged memory follows it.
        self._behind = {id: self._behind.get(kept, kept) for id, kept in self._behind.items()}
        self._write_merges()
        return done

    def undo(self, merges: Sequence[Merge] | None = None) -> int:
        """Bring back what was merged (all of it by default); return how many memories.

        Parameters
        ----------
        merges : sequence of Merge, optional
            As `consolidate` returned them.
        """
        wanted = self.merges if merges is None else merges
        back = [id for merge in wanted for id in merge.merged if id in self._behind]
        for id in back:
            del self._behind[id]
        self._write_merges()
        return len(back)

    def prune(self, keep: int | None = None) -> list[Id]:
        """Forget the merged and then the least important until `keep` are left; return their ids.

        Parameters
        ----------
        keep : int, optional
            `max_memories` by default.
        """
        keep = self.max_memories if keep is None else keep
        if keep < 0:
            raise ConfigError(f"keep: expected at least 0, got {keep!r}")
        excess = len(self.memory) - keep
        if excess <= 0:
            return []
        shown = self.ids()
        visible = set(shown)
        hidden = [id for id in self.memory.ids() if id not in visible]
        gone = (hidden + sorted(shown, key=self.importance))[:excess]
        self.memory.forget(gone, erase=False)
        left = set(gone)
        self._behind = {
            id: kept for id, kept in self._behind.items() if id not in left and kept not in left
        }
        self._write_merges()
        return gone

    def _write_merges(self) -> None:
        if self._file is None:
            return
        pairs = [[encode_id(id), encode_id(kept)] for id, kept in self._behind.items()]
        scratch = self._file.with_name(self._file.name + ".part")
        scratch.write_text(json.dumps(pairs), encoding="utf-8")
        scratch.replace(self._file)


def _later(mask: npt.NDArray[np.bool_], place: int) -> I64Array:
    return np.flatnonzero(mask[place + 1 :]) + place + 1


def _read_merges(path: Path | None) -> dict[Id, Id]:
    if path is None or not path.exists():
        return {}
    try:
        pairs = json.loads(path.read_text(encoding="utf-8"))
        return {decode_id(id): decode_id(kept) for id, kept in pairs}
    except (ValueError, TypeError) as error:
        raise SnapshotError(f"{path}: does not hold merges ({error}); move it away") from error
