from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import numpy as np
import pytest

from engrain.learning.config import LearningConfig
from engrain.learning.neuromodulators import NeuromodulatorOrchestra
from tests.strategies import normal


def after_a_query(orchestra: NeuromodulatorOrchestra) -> float:
    return orchestra.process_query(normal(0, 8)).gate


def after_a_step(orchestra: NeuromodulatorOrchestra) -> float:
    orchestra.process_retrieval(["m"], [1.0])
    orchestra.eligibility.step()
    return orchestra.eligibility.get_trace("m")


def after_a_second(orchestra: NeuromodulatorOrchestra) -> float:
    orchestra.process_retrieval(["m"], [1.0])
    orchestra.step(1.0)
    return orchestra.eligibility.get_trace("m")


def error(orchestra: NeuromodulatorOrchestra) -> float:
    orchestra.process_outcome({"m": 0.9})
    return orchestra.get_signed_rpe("m")


def expectation(orchestra: NeuromodulatorOrchestra) -> float:
    orchestra.process_outcome({"m": 0.9})
    return orchestra.dopamine.get_expected("m")


def is_surprise(orchestra: NeuromodulatorOrchestra) -> float:
    return float(orchestra.dopamine.compute_rpe("m", 0.6).positive)


def competition(orchestra: NeuromodulatorOrchestra) -> float:
    return sum(
        orchestra.process_retrieval("abcdefghij", [0.6 + i / 30 for i in range(10)]).values()
    )


VARIED: dict[str, tuple[float, Callable[[NeuromodulatorOrchestra], float]]] = {
    "decay": (0.945, after_a_step),
    "tau_trace": (20.1, after_a_second),
    "default_expected": (0.4, error),
    "value_learning_rate": (0.2, expectation),
    "surprise_threshold": (0.2, is_surprise),
    "NE_baseline_arousal": (0.7, lambda o: [after_a_query(o), after_a_query(o)][1]),
    "ACh_baseline": (0.9, lambda o: float([after_a_query(o), o.acetylcholine.level][1])),
    "serotonin_baseline_mood": (0.9, after_a_query),
    "inhibition_strength": (0.1, competition),
    "sparsity_target": (0.5, competition),
}


def test_the_defaults_are_the_ten_of_the_specification() -> None:
    expected: dict[str, Any] = {
        "decay": 0.95,
        "tau_trace": 20.0,
        "default_expected": 0.5,
        "value_learning_rate": 0.1,
        "surprise_threshold": 0.05,
        "NE_baseline_arousal": 0.5,
        "ACh_baseline": 0.5,
        "serotonin_baseline_mood": 0.5,
        "inhibition_strength": 0.5,
        "sparsity_target": 0.2,
    }
    config = LearningConfig()
    assert {field.name: getattr(config, field.name) for field in fields(config)} == expected
    assert VARIED.keys() == expected.keys()
    with pytest.raises(FrozenInstanceError):
        config.decay = 0.5  # type: ignore[misc]


@pytest.mark.parametrize("name", VARIED)
def test_every_setting_changes_a_computed_value(name: str) -> None:
    value, compute = VARIED[name]
    usual = compute(NeuromodulatorOrchestra())
    varied = compute(NeuromodulatorOrchestra(replace(LearningConfig(), **{name: value})))
    assert abs(usual - varied) > 1e-4


@pytest.mark.parametrize("name", VARIED)
@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf, "half"])
def test_a_setting_out_of_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        LearningConfig(**{name: value})
