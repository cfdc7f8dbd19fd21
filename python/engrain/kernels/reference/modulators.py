"""Oracle of the neuromodulators.

Aston-Jones & Cohen (2005), Hasselmo (2006), Doya (2002), Schultz (1998).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.modulators import ModulatorRule


def observe_novelty(past: npt.ArrayLike, query: npt.ArrayLike, memory: float) -> float:
    """Return 1 - the mean cosine with the past queries, the i-th from last weighing memory^i."""
    rows, q = np.asarray(past, np.float64), np.asarray(query, np.float64)
    if not len(rows):
        return 1.0
    cosines = rows @ q / (np.linalg.norm(rows, axis=1) * np.linalg.norm(q))
    weights = memory ** np.arange(len(rows))[::-1]
    return float(np.clip(1 - cosines @ weights / weights.sum(), 0, 1))


def modulate_query(
    state: dict[str, Any],
    rule: ModulatorRule,
    novelty: float,
    encode: float = 0.0,
    retrieve: float = 0.0,
) -> dict[str, Any]:
    """Return the state after the query phase."""
    new = dict(state, novelty=novelty, phasic=max(novelty, rule.phasic_memory * state["phasic"]))
    gain = rule.arousal + rule.novelty_gain * novelty * new["phasic"]
    new["norepinephrine"] = float(np.clip(gain, 0.5, 2.0))
    target = np.clip(rule.acetylcholine + 0.4 * (encode - retrieve), 0.1, 0.9)
    level = state["acetylcholine"]
    new["acetylcholine"] = level = float(level + rule.acetylcholine_rate * (target - level))
    new["mode"] = "balanced"
    if level <= (0.4 if state["mode"] == "retrieval" else 0.3):
        new["mode"] = "retrieval"
    if level >= (0.6 if state["mode"] == "encoding" else 0.7):
        new["mode"] = "encoding"
    new["boost"] = getattr(rule, new["mode"])
    new["queries"] = state["queries"] + 1
    new["gate"] = min(rule.cap, new["boost"] * new["norepinephrine"] * new["serotonin"])
    return new


def modulate_outcome(
    state: dict[str, Any],
    rule: ModulatorRule,
    outcomes: npt.ArrayLike,
    expected: npt.ArrayLike,
    eligibility: npt.ArrayLike,
    session: float | None = None,
) -> tuple[dict[str, Any], F64Array]:
    """Return the state after the outcome phase, and gate * delta * eligibility."""
    r = np.asarray(outcomes, np.float64)
    delta = np.clip(r - np.asarray(expected, np.float64), -1, 1)
    signals = state["gate"] * delta * np.asarray(eligibility, np.float64)
    if not len(r) and session is None:
        return dict(state), signals
    felt = r.mean() if session is None else session
    mood = float(np.clip(state["mood"] + rule.mood_rate * (felt - state["mood"]), 0, 1))
    serotonin = 1.0 if rule.discounting else 1 - abs(mood - 0.5)
    new = dict(state, mood=mood, serotonin=serotonin, discount=0.9 + 0.1 * mood)
    new["dopamine"] = float(delta.mean()) if len(r) else state["dopamine"]
    new["outcomes"] = state["outcomes"] + 1
    new["gate"] = min(rule.cap, new["boost"] * new["norepinephrine"] * serotonin)
    return new, signals
