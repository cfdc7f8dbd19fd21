from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engrain.base.errors import NonFiniteError, ShapeError
from engrain.fabric.energy import BioSystem
from engrain.fabric.goals import Goals
from engrain.fabric.trainer import NeuralFabricTrainer
from tests.fabric.small import config, motion, parameters, trainer


def everything(t: NeuralFabricTrainer) -> list[np.ndarray]:
    weights = getattr(t.som, "weights_", np.zeros(0))
    arrays = [parameters(t).numpy(), weights, *t.neural_fabric.state().values()]
    return [a.copy() for a in arrays]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_the_loss_starts_above_zero_falls_and_every_parameter_moves() -> None:
    t = trainer()
    start = {n: p.detach().clone() for n, p in t.network.named_parameters()}
    losses = [t.train_step(batch)["loss"] for _ in range(6) for batch in motion(6)]
    assert losses[0] > 0
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])
    for name, parameter in t.network.named_parameters():
        assert not torch.equal(parameter, start[name]), name
    assert list(t.loss_history) == losses


def test_a_step_reports_and_moves_neurons_and_map() -> None:
    t = trainer()
    before = everything(t)[2:]
    metrics = t.train_step(motion(1)[0])
    assert metrics["mode"] == "normal"
    assert not metrics["skipped"]
    assert 0.5 <= metrics["learning_drive"] <= 1.5
    assert metrics["energy"] == 1.0
    assert metrics["som_output"].shape == (3, 3)
    assert not same(before, everything(t)[2:])


class Silent(nn.Module):
    """A stage that is left out."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_leaving_out_any_stage_changes_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(t: NeuralFabricTrainer) -> tuple[float, np.ndarray]:
        for batch in motion(4):
            metrics = t.train_step(batch)
        return metrics["loss"], metrics["som_output"]

    loss, output = outcome(trainer(fabric_duration=20.0))
    for stage in ("convolution", "nonlinearity"):
        t = trainer(fabric_duration=20.0)
        setattr(t.network.layers[1], stage, Silent())
        assert outcome(t)[0] != loss
    t = trainer(fabric_duration=20.0)
    monkeypatch.setattr(t.neural_fabric, "forward", lambda *_a, **_k: None)
    assert not np.array_equal(outcome(t)[1], output)
    t = trainer(fabric_duration=20.0)
    monkeypatch.setattr(
        t.som, "partial_fit", lambda x: t.som if hasattr(t.som, "weights_") else t.som.fit(x)
    )
    assert not np.array_equal(outcome(t)[1], output)


def test_without_energy_nothing_moves_and_it_recovers() -> None:
    t = NeuralFabricTrainer(config(), bio_system=BioSystem(energy=0.1))
    before = everything(t)
    metrics = t.train_step(motion(1)[0])
    assert metrics["skipped"]
    assert metrics["som_output"] is None
    assert math.isnan(metrics["loss"])
    assert same(before, everything(t))
    for _ in range(10):
        metrics = t.train_step(motion(1)[0])
    assert not metrics["skipped"]
    assert not same(before, everything(t))


def test_without_learning_nothing_moves() -> None:
    t = trainer()
    t.learning = False
    before, energy = everything(t), t.bio_system.energy
    assert t.train_step(motion(1)[0])["skipped"]
    assert same(before, everything(t))
    assert t.bio_system.energy == energy


def test_learning_rate_and_goals_act_at_the_next_step() -> None:
    t = NeuralFabricTrainer(config(use_modulators=True), goals=Goals({"one": 1.0}))
    t.goals.satisfy("one", 0.0)
    t.config.learning_rate = 0.0
    before = parameters(t)
    first = t.train_step(motion(1)[0])
    assert torch.equal(before, parameters(t))
    assert first["learning_drive"] == pytest.approx(1.25)
    t.config.learning_rate = 1e-2
    second = t.train_step(motion(1)[0])
    assert second["learning_rate"] == pytest.approx(1e-2 * second["learning_drive"])
    assert not torch.equal(before, parameters(t))


def test_modes_are_scheduled_in_turn_and_can_be_forced() -> None:
    t = trainer(use_random_prop=True, use_intentional_prop=True)
    modes = [t.train_step(batch)["mode"] for batch in motion(6)]
    assert modes == ["normal", "random", "intentional"] * 2
    assert t.train_step(motion(1)[0], mode="bidirectional")["mode"] == "bidirectional"


def test_interruption_ends_training_in_order_and_saves(tmp_path: Path) -> None:
    def batches() -> Iterator[Tensor]:
        yield from motion(2)
        raise KeyboardInterrupt

    t = trainer()
    summary = t.train(batches(), epochs=None, checkpoint=tmp_path / "c.npy", progress=False)
    assert summary["interrupted"]
    assert summary["steps"] == 2
    resumed = trainer()
    resumed.load(tmp_path / "c.npy")
    assert same(everything(t), everything(resumed))


def test_training_resumes_bit_for_bit(tmp_path: Path) -> None:
    settings = {"use_random_prop": True, "fabric_duration": 10.0}
    whole, first = trainer(**settings), trainer(**settings)
    batches = motion(6)
    for batch in batches[:3]:
        first.train_step(batch)
    first.save(tmp_path / "state.bin")
    second = trainer(seed=0, **settings)
    second.load(tmp_path / "state.other")
    for batch in batches:
        whole.train_step(batch)
    for batch in batches[3:]:
        second.train_step(batch)
    assert same(everything(whole), everything(second))
    assert list(whole.loss_history) == list(second.loss_history)
    assert whole.bio_system == second.bio_system
    assert whole.goals.satisfaction == second.goals.satisfaction


def test_bad_data_is_refused_before_anything_moves() -> None:
    t = trainer()
    before = everything(t)
    good = motion(1)[0]
    with pytest.raises(ShapeError, match="data"):
        t.train_step(good[:, 1:])
    with pytest.raises(NonFiniteError, match="data"):
        t.train_step(good.index_fill(0, torch.tensor([0]), torch.nan))
    with pytest.raises(ShapeError, match="3 frames"):
        t.train_step(good[..., :2, :])
    with pytest.raises(NonFiniteError, match="learning_rate"):
        t.train_step(good * 1e30)
    assert same(before, everything(t))


def test_predictions_have_the_shape_of_the_data() -> None:
    t = trainer()
    x = motion(1)[0]
    assert t.predict(x).shape == x.shape
    assert torch.equal(t.predict(x), t.predict(x.squeeze(-1)))
