"""The one state of the neuromodulators, which their five faces look at."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from engrain.base.arrays import F32Array
from engrain.kernels import ModulatorRule, Modulators
from engrain.learning.config import LearningConfig

MoodGate = Literal["inverted_u", "discount"]


def rule_from(config: LearningConfig, mood_gate: MoodGate = "inverted_u") -> ModulatorRule:
    """Return the formulas of the neuromodulators with the baselines of a configuration."""
    return ModulatorRule(
        arousal=config.NE_baseline_arousal,
        acetylcholine=config.ACh_baseline,
        mood=config.serotonin_baseline_mood,
        discounting=mood_gate == "discount",
    )


class Modulation:
    """Compiled modulators whose dimension is that of the first query.

    Parameters
    ----------
    rule : ModulatorRule
    """

    def __init__(self, rule: ModulatorRule) -> None:
        self.rule = rule
        self._core = Modulators(1, rule)
        self._sized = False

    @property
    def dim(self) -> int | None:
        """Length of queries; None before the first."""
        return self._core.dim if self._sized else None

    @property
    def now(self) -> Modulators:
        """The compiled state, for reading its numbers."""
        return self._core

    def query(
        self, vector: F32Array | None, encode: float, retrieve: float, mode: str | None = None
    ) -> float:
        """Make the query phase in one call; return the gate."""
        if vector is not None and not self._sized:
            self._resize(vector.size)
        return self._core.query(vector, encode, retrieve, mode)

    def _resize(self, dim: int) -> None:
        state = self._core.state()
        self._core = Modulators(dim, self.rule)
        self._core.load({**state, "direction": np.zeros(dim, dtype=np.float32)})
        self._sized = True

    def outcome(
        self,
        outcomes: F32Array,
        expected: F32Array,
        eligibility: F32Array,
        session: float | None = None,
    ) -> F32Array:
        """Make the outcome phase in one call; return gate · δ · e per memory, shape (n,)."""
        return self._core.outcome(outcomes, expected, eligibility, session)

    def reset(self) -> None:
        """Return to rest."""
        self._core, self._sized = Modulators(1, self.rule), False

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {**self._core.state(), "sized": self._sized}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self._core = Modulators(len(state["direction"]), self.rule)
        self._core.load({name: state[name] for name in ("modulators", "direction")})
        self._sized = bool(state["sized"])
