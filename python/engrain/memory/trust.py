"""Bounded influence: how much one principal's feedback may credit a memory and move weights.

The owner of the memory (`principal=None`, library use) is not capped. An established principal
gives one memory at most `CAP` in all, in shrinking portions. Everybody else shares one pool of
newcomers: together they give a memory no more than one established principal could, so that a
thousand fresh principals weigh no more than one. Weights rank what everybody asks: newcomers move
them only as long as nobody else has taught. Only the operator establishes a principal; nothing that
a principal can do by itself earns standing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.errors import ConfigError

CAP = 2.0
PAIRS = 65_536  # (principal, memory) pairs remembered; the oldest go first


class Trust:
    """Caps on what principals cause.

    Parameters
    ----------
    cap : float
        Credit that one principal can give one memory in all.
    pairs : int
        How many (principal, memory) pairs of established principals are remembered.
    """

    def __init__(self, *, cap: float = CAP, pairs: int = PAIRS) -> None:
        if not (cap > 0 and pairs > 0):
            raise ConfigError(f"cap and pairs: expected numbers above 0, got {cap} and {pairs}")
        self.cap, self.pairs = cap, pairs
        self._established: set[str] = set()
        self._given: dict[tuple[str, int], float] = {}  # established principals
        self._pool: dict[int, float] = {}  # newcomers, at most one entry per memory
        self._taught = False  # by somebody who is no newcomer

    def establish(self, principal: str, standing: bool = True) -> None:
        """Take a principal out of the pool of newcomers, or put it back."""
        if not principal:
            raise ConfigError("principal: expected a name that is not empty")
        (self._established.add if standing else self._established.discard)(principal)

    def is_established(self, principal: str | None) -> bool:
        """Whether feedback of `principal` stands on its own."""
        return principal is None or principal in self._established

    def given(self, principal: str | None, handle: int) -> float:
        """Return what the principal, or the pool it belongs to, has given a memory so far."""
        if principal is None:
            return 0.0
        if principal in self._established:
            return self._given.get((principal, handle), 0.0)
        return self._pool.get(handle, 0.0)

    def mass(self, principal: str | None, handle: int, outcome: float) -> float:
        """Return the credit of one outcome and remember it.

        Parameters
        ----------
        principal : str or None
            None is the owner.
        handle : int
        outcome : float
            In [0, 1].

        Returns
        -------
        float
            In [0, outcome]: the outcome times the share of the cap that is left.

        Raises
        ------
        ValueError
            An outcome outside [0, 1].
        """
        if not 0.0 <= outcome <= 1.0:
            raise ValueError(f"outcome: expected a number in [0, 1], got {outcome}")
        if principal is None or outcome == 0.0:
            return float(outcome)
        before = self.given(principal, handle)
        mass = outcome * max(0.0, 1.0 - before / self.cap)
        if principal not in self._established:
            self._pool[handle] = before + mass
            return mass
        if (principal, handle) not in self._given and len(self._given) >= self.pairs:
            del self._given[next(iter(self._given))]
        self._given[(principal, handle)] = before + mass
        return mass

    def step_weight(self, principal: str | None) -> float:
        """Return how much of a weight step this feedback may cause, 0 or 1.

        Newcomers cause none once the owner or an established principal has taught.
        """
        stands = self.is_established(principal)
        self._taught |= stands
        return float(stands or not self._taught)

    def forget(self, handle: int) -> None:
        """Drop what is remembered of a memory."""
        self._pool.pop(handle, None)
        for pair in [pair for pair in self._given if pair[1] == handle]:
            del self._given[pair]

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return everything as named arrays."""
        return {
            "established": np.array(sorted(self._established), dtype=np.str_),
            "given_principal": np.array([p for p, _ in self._given], dtype=np.str_),
            "given_handle": np.array([h for _, h in self._given], dtype=np.int64),
            "given_mass": np.array(list(self._given.values()), dtype=np.float64),
            "pool_handle": np.array(list(self._pool), dtype=np.int64),
            "pool_mass": np.array(list(self._pool.values()), dtype=np.float64),
            "taught": np.array([self._taught]),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`."""
        self._established = set(state["established"].tolist())
        pairs = zip(state["given_principal"].tolist(), state["given_handle"].tolist(), strict=True)
        self._given = dict(zip(pairs, state["given_mass"].tolist(), strict=True))
        pool = zip(state["pool_handle"].tolist(), state["pool_mass"].tolist(), strict=True)
        self._pool = dict(pool)
        self._taught = bool(state["taught"][0])
