"""What hangs into a memory from outside: ranking components, a feedback reader, a calibrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError
from engrain.base.protocols import Calibrator, Component, FeedbackReader, Reading, load_component
from engrain.memory.confidence import recall_features


class Parts:
    """The parts of one memory, sorted by the protocol they implement.

    Parameters
    ----------
    given : sequence of str or object
        Objects, or names in the entry-point group ``engrain.components``.

    Raises
    ------
    ConfigError
        A name is unknown, an object implements none of the protocols, two components share a
        name, or more than one reader or calibrator is given.
    """

    def __init__(self, given: Sequence[str | Any]) -> None:
        loaded = [load_component(part) if isinstance(part, str) else part for part in given]
        self.components: list[Component] = [p for p in loaded if isinstance(p, Component)]
        self._reader = _only(loaded, FeedbackReader)
        self.calibrator: Calibrator | None = _only(loaded, Calibrator)
        for part in loaded:
            if not isinstance(part, Component | FeedbackReader | Calibrator):
                raise ConfigError(
                    f"{type(part).__name__} implements none of Component, FeedbackReader and "
                    "Calibrator of engrain.base.protocols"
                )
        names = [component.name for component in self.components]
        if len(set(names)) < len(names):
            raise ConfigError(f"two components share a name among {names}")
        self._untaught = [part.state() for part in self._learning()]

    def _learning(self) -> list[Component | Calibrator]:
        return [*self.components, *([] if self.calibrator is None else [self.calibrator])]

    def fresh(self) -> Self:
        """Return components and calibrator to the state they came in."""
        for part, state in zip(self._learning(), self._untaught, strict=True):
            part.load(state)
        return self

    def confidence(self, rows: F32Array, scores: F32Array) -> float:
        """Estimate the probability that a relevant memory is among the shown, best first."""
        if not len(rows):
            return 0.0
        if self.calibrator is None:
            return 0.5
        return float(self.calibrator.predict(recall_features(rows, scores)))

    def read(self, text: str) -> Reading:
        """Read a user's utterance.

        Raises
        ------
        ConfigError
            No feedback reader hangs in.
        """
        if self._reader is None:
            raise ConfigError("feedback(text=...) needs a feedback reader in components=")
        reading: Reading = self._reader.read(text)
        return reading


def _only(parts: Sequence[Any], protocol: type) -> Any:
    found = [part for part in parts if isinstance(part, protocol)]
    if len(found) > 1:
        raise ConfigError(f"more than one {protocol.__name__} in components=")
    return found[0] if found else None
