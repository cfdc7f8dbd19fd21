"""The three-factor rule: what was active, whether to learn, and how it turned out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.learning.cold_start import PopulationPrior
from engrain.learning.dopamine import DopamineSystem
from engrain.learning.eligibility import EligibilityTrace
from engrain.learning.neuromodulators import NeuromodulatorOrchestra


@dataclass(frozen=True, slots=True)
class ThreeFactorSignal:
    """One product, factor by factor.

    Attributes
    ----------
    memory_id : str, int or UUID
    eligibility : float
        e, at least 0.
    gate : float
        Product of the neuromodulators.
    rpe : float
        δ, signed.
    base_lr : float
    prior_rate : float
        1 / (1 + n/n₀) after n outcomes: how new the memory is. Reported apart; it is no factor.
    """

    memory_id: Id
    eligibility: float
    gate: float
    rpe: float
    base_lr: float
    prior_rate: float

    @property
    def multiplier(self) -> float:
        """E · gate · δ: 0 where one factor is 0, with the sign of δ."""
        return self.eligibility * self.gate * self.rpe

    @property
    def effective_lr(self) -> float:
        """Base learning rate times the multiplier."""
        return self.base_lr * self.multiplier

    @property
    def surprise(self) -> float:
        """Size of δ."""
        return abs(self.rpe)


class ThreeFactorLearningRule:
    """Δw = η · e · gate · δ, all three or nothing (Frémaux & Gerstner 2016).

    There are no floors: a factor of 0 makes the product 0. A memory without outcomes has the
    expectation of the value table, and its newness is reported as `prior_rate`.

    Parameters
    ----------
    neuromodulator_orchestra : NeuromodulatorOrchestra, optional
        Gives the gate, and the other two factors where they are not given.
    eligibility_trace : EligibilityTrace, optional
    dopamine_system : DopamineSystem, optional
    prior : PopulationPrior, optional
        n₀ of the prior rate.
    max_history : int
    """

    def __init__(
        self,
        neuromodulator_orchestra: NeuromodulatorOrchestra | None = None,
        *,
        eligibility_trace: EligibilityTrace | None = None,
        dopamine_system: DopamineSystem | None = None,
        prior: PopulationPrior | None = None,
        max_history: int = 10_000,
    ) -> None:
        self.orchestra = orchestra = neuromodulator_orchestra or NeuromodulatorOrchestra()
        self.eligibility = orchestra.eligibility if eligibility_trace is None else eligibility_trace
        self.dopamine = orchestra.dopamine if dopamine_system is None else dopamine_system
        self.prior = prior or PopulationPrior()
        if max_history < 1:
            raise ConfigError(f"max_history: needs at least 1, got {max_history}")
        self.history: deque[ThreeFactorSignal] = deque(maxlen=max_history)

    def compute(
        self, id: Id, base_lr: float = 1.0, outcome: float | None = None
    ) -> ThreeFactorSignal:
        """Return the signal of a memory, for `outcome` or for the last error it had.

        Raises
        ------
        NonFiniteError
            `base_lr` is not finite, or the outcome not in [0, 1].
        """
        if not math.isfinite(base_lr):
            raise NonFiniteError(f"base_lr: needs a finite number, got {base_lr!r}")
        if outcome is not None and not 0.0 <= outcome <= 1.0:
            raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        if outcome is None:
            rpe = self.dopamine.get_signed_rpe(id)
        else:
            rpe = outcome - self.dopamine.get_expected(id)
        signal = ThreeFactorSignal(
            memory_id=id,
            eligibility=self.eligibility.get_trace(id),
            gate=self.orchestra.gate,
            rpe=rpe,
            base_lr=base_lr,
            prior_rate=self.prior.rate(self.dopamine.get_count(id)),
        )
        self.history.append(signal)
        return signal

    def compute_effective_lr(
        self, id: Id, base_lr: float = 1.0, outcome: float | None = None
    ) -> float:
        """Return base_lr · e · gate · δ."""
        return self.compute(id, base_lr, outcome).effective_lr

    def batch_compute(
        self, outcomes: Mapping[Id, float], base_lr: float = 1.0
    ) -> dict[Id, ThreeFactorSignal]:
        """Return the signals of several memories; none if one outcome is refused."""
        for outcome in outcomes.values():
            if not 0.0 <= outcome <= 1.0:
                raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        return {name: self.compute(name, base_lr, value) for name, value in outcomes.items()}

    def mark_active(self, id: Id, activity: float = 1.0) -> None:
        """Make a memory eligible."""
        self.eligibility.update(id, activity)

    def step(self, dt: float | None = None) -> None:
        """Let time pass for the traces."""
        self.eligibility.step(dt)
