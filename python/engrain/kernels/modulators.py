"""Parameters of the five neuromodulators."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from engrain.base.errors import ConfigError

_RANGES = {
    "arousal": (0.0, 2.0),
    "novelty_gain": (0.0, 10.0),
    "novelty_memory": (0.0, 0.999999),
    "phasic_memory": (0.0, 1.0),
    "acetylcholine": (0.0, 1.0),
    "acetylcholine_rate": (0.0, 1.0),
    "encoding": (0.0, 10.0),
    "retrieval": (0.0, 10.0),
    "balanced": (0.0, 10.0),
    "mood": (0.0, 1.0),
    "mood_rate": (0.0, 1.0),
    "cap": (0.0, 100.0),
}


@dataclass(frozen=True, slots=True)
class ModulatorRule:
    """Formulas of the neuromodulators; the defaults give a gate in [.25, 4].

    Attributes
    ----------
    arousal : float
        Norepinephrine at rest: ``gain = clip(arousal + novelty_gain novelty phasic, .5, 2)``
        (Aston-Jones & Cohen 2005).
    novelty_gain : float
    novelty_memory : float
        Per query, how the directions of past queries fade; novelty is 1 - the mean cosine.
    phasic_memory : float
        ``phasic = max(novelty, phasic_memory phasic)``.
    acetylcholine : float
        Level at rest; moves by `acetylcholine_rate` toward
        ``clip(acetylcholine + .4 (encode - retrieve), .1, .9)`` (Hasselmo 2006).
    acetylcholine_rate : float
    encoding, retrieval, balanced : float
        Boost of each mode.
    mood : float
        At rest; follows outcomes at `mood_rate`. ``factor = 1 - |mood - .5|``.
    mood_rate : float
    cap : float
        Highest gate.
    discounting : bool
        Serotonin sets the discount (Doya 2002) and leaves the gate alone.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    arousal: float = 0.5
    novelty_gain: float = 1.5
    novelty_memory: float = 0.95
    phasic_memory: float = 0.7
    acetylcholine: float = 0.5
    acetylcholine_rate: float = 0.5
    encoding: float = 2.0
    retrieval: float = 1.2
    balanced: float = 1.0
    mood: float = 0.5
    mood_rate: float = 0.1
    cap: float = 4.0
    discounting: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (isfinite(value) and low <= value <= high):
                raise ConfigError(f"{name}: must be in [{low}, {high}], got {value}")
