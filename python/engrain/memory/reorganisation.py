"""Reorganisation: changes of links, merges and fading, each with its inverse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array
from engrain.memory.codec import Arrays
from engrain.memory.graph import Links

FINISHED = "finished"
UNDONE = "undone"
KEPT_RUNS = 64
COLUMNS = (
    "ends",
    "before",
    "after",
    "kinds_before",
    "kinds_after",
    "merged",
    "parted",
    "faded",
    "revived",
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run came, as the store remembers it.

    Attributes
    ----------
    run : int
        Number of the last run, 0 before the first.
    phases : tuple of str
        Those whose changes were made; the last one of a run is "finished".
    ended : float
        When the run before it, or it itself, was finished; 0 before the first.
    """

    run: int = 0
    phases: tuple[str, ...] = ()
    ended: float = 0.0

    @property
    def interrupted(self) -> bool:
        """Whether the run began and did not finish."""
        return bool(self.phases) and FINISHED not in self.phases

    def after(self, phase: str, run: int, time: float) -> Progress:
        """Return the progress once a phase of a run is done."""
        phases = (*self.phases, phase) if run == self.run else (phase,)
        return Progress(run, phases, time if phase == FINISHED else self.ended)


def _no_pairs() -> I64Array:
    return np.zeros((0, 2), np.int64)


def _no_values() -> F64Array:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One phase's changes to a memory, by handles, with what was there before.

    Attributes
    ----------
    phase : str
    ends : ndarray of int64, shape (m, 2)
        Links that change.
    before, after : ndarray of float64, shape (m,)
        Their weights, 0 for none.
    kinds_before, kinds_after : ndarray of int64, shape (m,)
    merged, parted : ndarray of int64, shape (k, 2)
        Pairs (primary, secondary): the secondary is no longer shown for itself, or again.
    faded, revived : ndarray of int64
    notes : tuple of str
        What each link of `ends` stands for, where a phase says so.
    run : int
        Number of the run, 0 outside of runs.
    """

    phase: str
    ends: I64Array = field(default_factory=_no_pairs)
    before: F64Array = field(default_factory=_no_values)
    after: F64Array = field(default_factory=_no_values)
    kinds_before: I64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    kinds_after: I64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    merged: I64Array = field(default_factory=_no_pairs)
    parted: I64Array = field(default_factory=_no_pairs)
    faded: I64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    revived: I64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    notes: tuple[str, ...] = ()
    run: int = 0

    def inverse(self) -> Change:
        """Return the change that undoes this one."""
        return replace(
            self,
            phase=UNDONE,
            run=0,
            before=self.after,
            after=self.before,
            kinds_before=self.kinds_after,
            kinds_after=self.kinds_before,
            merged=self.parted,
            parted=self.merged,
            faded=self.revived,
            revived=self.faded,
        )

    def among(self, records: Sequence[object | None]) -> Change:
        """Return what of the change speaks of memories that are still held."""

        def held(handles: I64Array) -> BoolArray:
            there = [all(records[h] is not None for h in row) for row in handles.tolist()]
            return np.array(there, np.bool_)

        links = held(self.ends)
        notes = self.notes and tuple(n for n, kept in zip(self.notes, links, strict=True) if kept)
        return replace(
            self,
            ends=self.ends[links],
            before=self.before[links],
            after=self.after[links],
            kinds_before=self.kinds_before[links],
            kinds_after=self.kinds_after[links],
            merged=self.merged[held(self.merged)],
            parted=self.parted[held(self.parted)],
            faded=self.faded[held(self.faded[:, None])],
            revived=self.revived[held(self.revived[:, None])],
            notes=notes,
        )

    def encode(self) -> tuple[dict[str, Any], Arrays]:
        """Return the change as an event's header and arrays."""
        meta = {"phase": self.phase, "run": self.run, "notes": list(self.notes)}
        return meta, {name: getattr(self, name) for name in COLUMNS}

    @classmethod
    def decode(cls, meta: Mapping[str, Any], arrays: Mapping[str, Any]) -> Change:
        """Read a change back from its event."""
        columns = {name: arrays[name] for name in COLUMNS}
        return cls(meta["phase"], **columns, notes=tuple(meta["notes"]), run=meta["run"])


class Order:
    """What reorganisation has made of the memories of one tenant.

    Attributes
    ----------
    merged : dict of int to int
        Memories no longer shown for themselves, and the one that stands for each.
    faded : set of int
    seen : list of tuple
        Time at which each of the latest runs was finished, and how many handles there were then.
    progress : Progress
    """

    def __init__(self) -> None:
        self.merged: dict[int, int] = {}
        self.faded: set[int] = set()
        self.seen: list[tuple[float, int]] = []
        self.progress = Progress()

    def make(self, change: Change, links: Links, time: float, handles: int) -> None:
        """Make a change; removals of links come first, so that none is pushed out.

        `handles` is how many there are.
        """
        order = np.argsort(change.after > 0, kind="stable")
        columns = change.ends[order].tolist(), change.after[order], change.kinds_after[order]
        for (a, b), weight, kind in zip(*columns, strict=True):
            links.set(a, b, float(weight), int(kind))
        for primary, secondary in change.merged.tolist():
            self.merged[secondary] = primary
        for _, secondary in change.parted.tolist():
            self.merged.pop(secondary, None)
        self.faded.update(change.faded.tolist())
        self.faded.difference_update(change.revived.tolist())
        if change.phase == FINISHED:
            self.seen = [*self.seen, (time, handles)][-KEPT_RUNS:]
        if change.run:
            self.progress = self.progress.after(change.phase, change.run, time)

    def known_since(self, handles: I64Array) -> F64Array:
        """Return when the first run that saw each handle was finished; inf where none did.

        An imported memory may be older than that, but nobody could have used it before.
        """
        times = np.array([*(time for time, _ in self.seen), np.inf])
        counts = np.array([count for _, count in self.seen], np.int64)
        since: F64Array = times[np.searchsorted(counts, handles, side="right")]
        return since

    def shown(self, handles: I64Array) -> BoolArray:
        """Tell which handles are shown for themselves."""
        hidden: BoolArray = np.isin(handles, list(self.merged))
        return ~hidden

    def standing(self, handles: I64Array) -> I64Array:
        """Return for each handle the one that is shown for it, each once."""
        return np.unique(np.array([self.merged.get(h, h) for h in handles.tolist()], np.int64))

    def drop(self, handle: int) -> None:
        """Forget a memory; those that it stood for are shown again."""
        self.merged.pop(handle, None)
        for secondary in [s for s, primary in self.merged.items() if primary == handle]:
            del self.merged[secondary]
        self.faded.discard(handle)

    def state(self) -> Arrays:
        """Return everything, in one canonical order."""
        merged = sorted(self.merged.items())
        return {
            "merged": np.array(merged, np.int64).reshape(-1, 2),
            "faded": np.array(sorted(self.faded), np.int64),
            "seen": np.array(self.seen, np.float64).reshape(-1, 2),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]], progress: Mapping[str, Any]) -> None:
        """Take over a state; an older file has none."""
        self.merged = dict(state["merged"].tolist()) if "merged" in state else {}
        self.faded = set(state["faded"].tolist()) if "faded" in state else set()
        rows = state["seen"].tolist() if "seen" in state else []
        self.seen = [(time, int(count)) for time, count in rows]
        if progress:
            self.progress = Progress(progress["run"], tuple(progress["phases"]), progress["ended"])
