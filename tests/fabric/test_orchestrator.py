from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.fabric.orchestrator import LillithTrainingOrchestrator
from tests.fabric.small import config, parameters


def orchestrator(**settings: Any) -> LillithTrainingOrchestrator:
    return LillithTrainingOrchestrator(16, 8, (3, 3), config=config(max_buffer=12), **settings)


def moment(k: int) -> dict[str, Any]:
    phase = np.linspace(0, 3, 40) + 0.3 * k
    return {
        "visual_features": np.sin(phase).reshape(5, 8),
        "audio_features": np.cos(phase)[:20],
        "cognitive_state": np.sin(phase[:16]),
        "emotion_state": np.cos(phase[:8]),
    }


def test_it_learns_once_a_window_is_full() -> None:
    o = orchestrator()
    metrics = [o.process_sensory_input(**moment(k)) for k in range(60)]
    assert [m["skipped"] for m in metrics] == [True] * 5 + [False] * 55
    losses = [m["loss"] for m in metrics[5:]]
    assert np.mean(losses[-20:]) < 0.9 * np.mean(losses[:20])
    stats = o.get_training_statistics()
    assert stats["total_updates"] == 55
    assert stats["total_inputs"] == 60
    assert stats["buffered_frames"] == 12
    assert stats["recent_losses"] == losses
    assert stats["som"]["trained"]


def test_learning_can_be_switched_off_and_on() -> None:
    o = orchestrator(enable_continuous_learning=False)
    before = parameters(o.trainer)
    for k in range(8):
        o.process_sensory_input(**moment(k))
    assert np.array_equal(before, parameters(o.trainer))
    o.set_learning_mode(True)
    assert not o.process_sensory_input(**moment(9))["skipped"]
    assert not np.array_equal(before, parameters(o.trainer))


def test_the_time_budget_is_kept() -> None:
    clock = SimulatedClock()
    o = orchestrator(time_budget=0.25, clock=clock)
    train_step = o.trainer.train_step

    def slow(*args: Any) -> dict[str, Any]:
        clock.advance(1.0)
        return train_step(*args)

    o.trainer.train_step = slow  # type: ignore[method-assign, assignment]
    for k in range(46):
        o.process_sensory_input(**moment(k))
        clock.advance(0.1)
    # 41 moments of .1 s, and steps of 1 s that each earn 3 s of rest.
    assert o.get_training_statistics()["total_updates"] == 2


def test_a_saved_state_goes_on_bit_for_bit(tmp_path: Path) -> None:
    first, second = orchestrator(), orchestrator()
    for k in range(9):
        first.process_sensory_input(**moment(k))
    first.save_training_state(tmp_path / "training_state.npy")
    second.load_training_state(tmp_path / "training_state.npy")
    for k in range(9, 12):
        a, b = (o.process_sensory_input(**moment(k)) for o in (first, second))
        assert a["loss"] == b["loss"]
    assert np.array_equal(parameters(first.trainer), parameters(second.trainer))
    assert first.get_training_statistics() == second.get_training_statistics()


def test_wrong_senses_are_refused() -> None:
    o = orchestrator()
    with pytest.raises(ShapeError, match="cognitive_state"):
        o.process_sensory_input(np.ones(3), cognitive_state=np.ones(5))
    with pytest.raises(NonFiniteError, match="visual"):
        o.process_sensory_input([np.inf])
    with pytest.raises(ConfigError):
        orchestrator(time_budget=0.0)
    assert o.get_training_statistics()["total_inputs"] == 0
