"""Energy and fatigue as declared, bounded modulators of learning."""

from __future__ import annotations

from dataclasses import dataclass

from engrain.base.errors import ConfigError


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@dataclass(slots=True)
class BioSystem:
    """A budget that learning spends and rest refills.

    All states lie in [0, 1]. A step of learning costs `cost`, rest moves energy towards 1 and
    fatigue towards 0 by the share `recovery`.

    Attributes
    ----------
    energy, fatigue : float
    novelty : float
        Running surprise of the trainer, in [0, 1].
    progress : float
        Running improvement of the loss, in [-1, 1]: what the seed calls mood.
    cost, recovery : float
        Per step.
    """

    energy: float = 1.0
    fatigue: float = 0.0
    novelty: float = 0.0
    progress: float = 0.0
    cost: float = 0.001
    recovery: float = 0.02

    def __post_init__(self) -> None:
        for name in ("energy", "fatigue", "novelty", "cost", "recovery"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: expected a number in [0, 1]")

    def modulators(self, unmet: float = 0.0) -> dict[str, float]:
        """Return the modulators, given the share of unmet goals in [0, 1].

        ``energy_gate = energy (1 - fatigue)`` in [0, 1]: at .1 and below nothing is learned.
        ``learning_drive = 1 + .5 (unmet - .5) + .25 novelty`` clipped to [.5, 1.5]: a factor on
        the learning rate. ``explore``, ``stability``, ``mood`` and ``arousal`` are reported.
        """
        gate = self.energy * (1 - self.fatigue)
        return {
            "energy_gate": gate,
            "learning_drive": _clip(1 + 0.5 * (unmet - 0.5) + 0.25 * self.novelty, 0.5, 1.5),
            "explore": _clip(0.3 * self.novelty + 0.4 * unmet, 0.0, 1.0),
            "stability": _clip(1 - self.novelty, 0.0, 1.0),
            "mood": _clip(self.progress, -1.0, 1.0),
            "arousal": _clip(0.5 * self.novelty + 0.5 * gate, 0.0, 1.0),
        }

    def spend(self, effort: float = 1.0) -> None:
        """Pay for one step of learning and recover a little."""
        self.energy = _clip(self.energy - self.cost * effort, 0.0, 1.0)
        self.fatigue = _clip(self.fatigue + self.cost * effort, 0.0, 1.0)
        self.rest()

    def rest(self) -> None:
        """Recover for one step."""
        self.energy += self.recovery * (1 - self.energy)
        self.fatigue -= self.recovery * self.fatigue

    def observe(self, loss: float, before: float | None) -> None:
        """Take note of a loss and of the running mean before it."""
        if before is None or before <= 0:
            return
        change = _clip((before - loss) / before, -1.0, 1.0)
        self.progress = 0.9 * self.progress + 0.1 * change
        self.novelty = 0.9 * self.novelty + 0.1 * abs(change)
