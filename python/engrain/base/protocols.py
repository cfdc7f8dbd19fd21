"""The protocols by which a room, or a third party, hangs into `Memory`.

Implementations are found by name in the entry-point group ``engrain.components`` and are loaded
only when asked for (``Memory(components=["gate"])``, ``--mechanisms gate``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError

GROUP = "engrain.components"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one memory when it arrives.

    Attributes
    ----------
    handle : int
        Dense number in order of insertion.
    text : str
    vector : ndarray of float32, shape (dim,), or None
        Unit length.
    metadata : mapping
    source : str or None
        Who said or provided it.
    sequence : str or None
        Memories of one sequence are neighbours in insertion order.
    time : float
        Seconds since the epoch.
    """

    handle: int
    text: str
    vector: F32Array | None
    metadata: Mapping[str, Any]
    source: str | None
    sequence: str | None
    time: float


@dataclass(frozen=True, slots=True)
class Query:
    """One request, as a component sees it.

    Attributes
    ----------
    text : str
    vector : ndarray of float32, shape (dim,), or None
        Centred on the scope's running mean, unit length.
    scope : int
        Number of the filter in force; evidence is compared within one scope only.
    time : float
        Seconds since the epoch.
    """

    text: str
    vector: F32Array | None
    scope: int
    time: float


@dataclass(frozen=True, slots=True)
class Trace:
    """What feedback speaks about: the shown memories with their rows as they were when shown.

    Attributes
    ----------
    query : Query
    handles : ndarray of int64, shape (n,)
    rows : ndarray of float32, shape (n, columns)
        Component scores before any learning from this request.
    scores : ndarray of float32, shape (n,)
    """

    query: Query
    handles: I64Array
    rows: F32Array
    scores: F32Array


@runtime_checkable
class Component(Protocol):
    """One column of the ranking model: a score per candidate whose weight is learned.

    ``kind`` is "static" (needs no feedback) or "evidence" (made of feedback). ``sign`` bounds the
    learned weight: +1 for at least 0, -1 for at most 0, 0 for free. A component keeps its own
    state; `state` and `load` move it through snapshots, and `learn` must depend on its arguments
    and state alone, so that replaying the log rebuilds it.
    """

    name: str
    version: int
    kind: Literal["static", "evidence"]
    sign: Literal[-1, 0, 1]

    def remember(self, record: Record) -> None:
        """Take note of a new memory."""

    def forget(self, handle: int) -> None:
        """Drop whatever is kept of a memory."""

    def score(self, query: Query, handles: I64Array, out: F32Array) -> None:
        """Write one score per candidate into `out`, shape (n,); 0 where it does not apply."""

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Learn from outcomes in [0, 1], shape (n,), NaN where nothing was said.

        For a judged question the trace holds what a recall would have chosen from.
        """

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the whole learned state as named arrays."""

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`."""


@runtime_checkable
class Adopter(Protocol):
    """A component that also learns from what a background loop finds."""

    def adopt(self, found: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over named arrays; they are in the log, so that replay need not find them again.

        Must refuse what does not fit before anything changes, and depend on its argument and the
        component's state alone.
        """


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says about the answer before it.

    Attributes
    ----------
    outcome : float or None
        In [0, 1]; None when the reader abstains.
    confidence : float
        In [0, 1].
    signals : mapping of str to float
        Strength by kind of signal.
    """

    outcome: float | None
    confidence: float
    signals: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class FeedbackReader(Protocol):
    """Turns a user's utterance into an outcome, or abstains."""

    def read(self, text: str, previous: Sequence[str] = ()) -> Reading:
        """Read `text`, given the utterances before it."""


@runtime_checkable
class Calibrator(Protocol):
    """Maps features of a recall to the probability that a relevant memory is among the shown."""

    def predict(self, features: F32Array) -> float:
        """Return a probability for one recall; features have shape (f,)."""

    def update(self, features: F32Array, success: bool) -> None:
        """Learn from one recall whose success is known."""

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the whole learned state as named arrays."""

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors.

    ``name`` identifies the space: vectors of two names are never compared.
    """

    name: str
    dim: int

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors of `texts`, shape (len(texts), dim)."""


def load_component(name: str) -> Any:
    """Load a component, reader or calibrator by its entry-point name and construct it.

    Raises
    ------
    ConfigError
        No installed package offers that name; the message lists those that are.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        offered = ", ".join(sorted(found)) or "none is installed"
        raise ConfigError(f"unknown component {name!r}; known: {offered}")
    return found[name].load()()
