"""Goals whose satisfaction biases learning."""

from __future__ import annotations

from collections.abc import Mapping

from engrain.base.errors import ConfigError

DEFAULT_WEIGHTS = {
    "prediction": 0.30,
    "exploration": 0.20,
    "coherence": 0.20,
    "stability": 0.15,
    "efficiency": 0.10,
    "coverage": 0.05,
}


class Goals:
    """Declared goals with weights and satisfactions in [0, 1].

    Parameters
    ----------
    weights : mapping of str to float, optional
        At least one above 0.
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self.weights = dict(DEFAULT_WEIGHTS if weights is None else weights)
        if not self.weights or min(self.weights.values()) < 0 or not sum(self.weights.values()):
            raise ConfigError(f"goals: expected weights >= 0 with a sum > 0, got {self.weights}")
        self.satisfaction = dict.fromkeys(self.weights, 0.5)

    def satisfy(self, goal: str, satisfaction: float) -> None:
        """Declare how far a goal is met.

        Raises
        ------
        ConfigError
            An unknown goal or a satisfaction outside [0, 1].
        """
        if goal not in self.weights or not 0 <= satisfaction <= 1:
            known = ", ".join(self.weights)
            raise ConfigError(f"goal {goal!r} at {satisfaction}: expected one of {known} in [0, 1]")
        self.satisfaction[goal] = satisfaction

    def unmet(self) -> float:
        """Return the weighted share of unmet goals in [0, 1]."""
        total = sum(self.weights.values())
        met = sum(w * self.satisfaction[goal] for goal, w in self.weights.items())
        return min(1.0, max(0.0, 1 - met / total))

    def calculate_learning_bias(self) -> float:
        """Return ``.5 + unmet``, in [.5, 1.5]: a factor on the learning rate."""
        return 0.5 + self.unmet()
