"""One test per setting: it acts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from engrain.base.errors import ConfigError, ShapeError
from engrain.fabric.config import TrainingConfig
from engrain.fabric.orchestrator import LillithTrainingOrchestrator
from tests.fabric.small import DIMS, config, motion, parameters, trainer


def moved(data_frames: int = 6, **changes: Any) -> torch.Tensor:
    """Return the parameters after two steps."""
    t = trainer(**changes)
    for batch in motion(2, frames=data_frames):
        t.train_step(batch)
    return parameters(t)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("learning_rate", 1e-2),
        ("temporal_coherence_weight", 0.3),
        ("use_modulators", True),
        ("seed", 7),
        ("use_random_prop", True),
        ("use_intentional_prop", True),
        ("use_bidirectional_prop", True),
    ],
)
def test_settings_of_learning_change_what_is_learned(setting: str, value: Any) -> None:
    assert not torch.equal(moved(), moved(**{setting: value}))


@pytest.mark.parametrize(
    ("mode", "setting", "values"),
    [
        ("use_random_prop", "perturbation", (0.1, 0.5)),
        ("use_intentional_prop", "goal_step", (0.1, 0.5)),
        ("use_bidirectional_prop", "bidirectional_weight", (0.1, 0.9)),
    ],
)
def test_settings_of_modes_act_in_their_mode_only(
    mode: str, setting: str, values: tuple[float, float]
) -> None:
    first, second = (moved(6, **{setting: v}) for v in values)
    assert torch.equal(first, second)
    first, second = (moved(6, **{mode: True, setting: v}) for v in values)
    assert not torch.equal(first, second)


def test_time_steps_cut_long_input_into_windows() -> None:
    t = trainer(time_steps=4)
    assert t._windows(motion(1, frames=9)[0]).shape == (8, 1, *DIMS, 4)
    assert not torch.equal(moved(9, time_steps=4), moved(9, time_steps=9))


def test_batch_size_splits_the_work_and_not_the_result() -> None:
    sizes: list[int] = []
    t = trainer(batch_size=3)
    t.network.layers[0].register_forward_hook(lambda _m, x, _y: sizes.append(len(x[0])))
    t.train_step(motion(1)[0])
    assert sizes == [3, 1]
    torch.testing.assert_close(moved(batch_size=1), moved(batch_size=4), rtol=1e-3, atol=1e-5)


def test_no_pass_holds_more_voxels_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = moved()
    monkeypatch.setattr("engrain.fabric.trainer.PASS_VOXELS", 2 * math.prod(DIMS) * 6)
    sizes: list[int] = []
    t = trainer()
    t.network.layers[0].register_forward_hook(lambda _m, x, _y: sizes.append(len(x[0])))
    t.train_step(motion(1)[0])
    assert sizes == [2, 2]
    torch.testing.assert_close(moved(), whole, rtol=1e-3, atol=1e-5)


def test_spatial_dims_are_those_of_data_and_neurons() -> None:
    t = trainer(spatial_dims=(3, 3, 3))
    assert t.neural_fabric.shape == (3, 3, 3)
    with pytest.raises(ShapeError, match="3, 3, 3"):
        t.train_step(motion(1)[0])


def test_channels_and_map_size_shape_the_network_and_the_map() -> None:
    t = trainer(channels=3, som_map_size=(2, 5))
    assert t.network.get_parameter("layers.0.convolution.weight").shape[0] == 3
    assert t.train_step(motion(1)[0])["som_output"].shape == (2, 5)


def test_dendritic_integration_chooses_how_the_neurons_are_driven() -> None:
    through, direct = trainer(), trainer(dendritic_integration=False)
    for t in (through, direct):
        t.train_step(motion(1)[0])
    assert through.neural_fabric.dendrites.voltage.any()
    assert not direct.neural_fabric.dendrites.voltage.any()
    assert direct.neural_fabric.membrane_potential.std() > 0


def test_fabric_duration_is_simulated_time() -> None:
    t = trainer(fabric_duration=7.0)
    t.train_step(motion(1)[0])
    assert t.neural_fabric.time == 7.0


def test_max_epochs_ends_training() -> None:
    assert trainer(max_epochs=2).train(motion(1), progress=False)["epochs"] == 2


def test_max_buffer_bounds_the_frames() -> None:
    o = LillithTrainingOrchestrator(8, 8, (3, 3), False, config=config(max_buffer=7))
    for _ in range(20):
        o.process_sensory_input(np.arange(5.0))
    assert o.get_training_statistics()["buffered_frames"] == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"spatial_dims": (1, 2)},
        {"batch_size": 0},
        {"time_steps": 2},
        {"learning_rate": -1.0},
        {"bidirectional_weight": 2.0},
        {"max_epochs": 0},
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        config(**changes)
    assert TrainingConfig().modes() == ["normal"]
