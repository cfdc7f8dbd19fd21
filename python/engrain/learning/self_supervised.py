"""Credit without a judge: which of the shown memories the answer used."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.base.ids import Id, decode_id, encode_id


class ImplicitCredit:
    """Signed credit in [-1, 1] from how much the answer resembles each shown memory.

    credit_i = tanh((cos(answer, m_i) - mean_j cos(answer, m_j)) / T) + b·co_i, clipped, where
    co_i is how often memory i was used together with those that the answer uses now, relative to
    how often it was shown with them. The mean over the shown list makes unused memories negative.
    Citations, where there are any, decide alone: +1 for cited, -1/rank-weighted for memories that
    stood above a cited one (the reader passed them by; Joachims et al. 2005), 0 below.

    Parameters
    ----------
    temperature : float
        Difference of cosines that counts as clear.
    companion : float
        Weight b of co-use.
    max_pairs : int
        Pairs whose co-use is remembered; the one met longest ago is dropped first.
    """

    def __init__(
        self, temperature: float = 0.1, companion: float = 0.1, max_pairs: int = 100_000
    ) -> None:
        if temperature <= 0 or companion < 0 or max_pairs < 1:
            raise ConfigError("ImplicitCredit: temperature > 0, companion >= 0, max_pairs >= 1")
        self.temperature = temperature
        self.companion = companion
        self.max_pairs = max_pairs
        self._pairs: OrderedDict[tuple[Id, Id], tuple[int, int]] = OrderedDict()

    def credit(
        self,
        ids: Sequence[Id],
        memories: npt.ArrayLike,
        answer: npt.ArrayLike,
        cited: Sequence[Id] = (),
    ) -> F64Array:
        """Return credit per shown memory, shape (n,), and note which were used together.

        Parameters
        ----------
        ids : sequence of ids, in the order shown
        memories : array_like, shape (n, dim)
        answer : array_like, shape (dim,)
        cited : sequence of ids

        Raises
        ------
        ShapeError, NonFiniteError
            Arrays do not fit, or hold NaN or an infinity.
        """
        rows = np.asarray(memories, dtype=np.float64)
        text = np.asarray(answer, dtype=np.float64)
        if rows.ndim != 2 or rows.shape != (len(ids), text.size):
            raise ShapeError(f"memories: expected ({len(ids)}, {text.size}), got {rows.shape}")
        if not (np.isfinite(rows).all() and np.isfinite(text).all()):
            raise NonFiniteError("memories and answer: contain NaN or infinity")
        if len(ids) == 0:
            return np.zeros(0)
        credit = self._by_citation(ids, cited) if cited else self._by_likeness(ids, rows, text)
        self._remember(ids, credit)
        return credit

    def _by_likeness(self, ids: Sequence[Id], rows: F64Array, answer: F64Array) -> F64Array:
        norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(answer)
        cosine = rows @ answer / np.where(norms > 0, norms, 1.0)
        credit = np.tanh((cosine - cosine.mean()) / self.temperature)
        used = [i for i, value in zip(ids, credit, strict=True) if value > 0.5]
        bonus = [self.companionship(i, [u for u in used if u != i]) for i in ids]
        return np.asarray(np.clip(credit + self.companion * np.array(bonus), -1.0, 1.0))

    def _by_citation(self, ids: Sequence[Id], cited: Sequence[Id]) -> F64Array:
        named = set(cited)
        last = max((rank for rank, i in enumerate(ids) if i in named), default=-1)
        credit = [
            1.0 if i in named else -1.0 / math.log2(rank + 2) if rank < last else 0.0
            for rank, i in enumerate(ids)
        ]
        return np.array(credit)

    def companionship(self, id: Id, others: Sequence[Id]) -> float:
        """Return the mean share of showings with `others` in which both were used, in [0, 1]."""
        shares = []
        for other in others:
            used, shown = self._pairs.get(_pair(id, other), (0, 0))
            shares.append(used / (shown + 2.0))
        return float(np.mean(shares)) if shares else 0.0

    def _remember(self, ids: Sequence[Id], credit: F64Array) -> None:
        for i, first in enumerate(ids):
            if credit[i] <= 0.5:
                continue
            for j, second in enumerate(ids):
                if i == j or (credit[j] > 0.5 and j < i):
                    continue
                pair = _pair(first, second)
                used, shown = self._pairs.pop(pair, (0, 0))
                self._pairs[pair] = (used + int(credit[j] > 0.5), shown + 1)
                if len(self._pairs) > self.max_pairs:
                    self._pairs.popitem(last=False)

    def __len__(self) -> int:
        return len(self._pairs)

    def state(self) -> dict[str, Any]:
        """Return the pairs in the order they were met; `load` continues them."""
        return {
            "pairs": [[encode_id(a), encode_id(b)] for a, b in self._pairs],
            "counts": np.array(list(self._pairs.values()), dtype=np.int64).reshape(-1, 2),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The parts do not fit together, or hold more pairs than `max_pairs`.
        """
        pairs, counts = state["pairs"], state["counts"]
        if counts.shape != (len(pairs), 2) or len(pairs) > self.max_pairs:
            raise SnapshotError("the state of implicit credit does not fit")
        self._pairs = OrderedDict(
            ((decode_id(a), decode_id(b)), (used, shown))
            for (a, b), (used, shown) in zip(pairs, counts.tolist(), strict=True)
        )


def _pair(a: Id, b: Id) -> tuple[Any, Any]:
    return (a, b) if (type(a).__name__, str(a)) <= (type(b).__name__, str(b)) else (b, a)
