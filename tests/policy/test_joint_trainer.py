from __future__ import annotations

import re

import pytest

from engrain.base.arrays import NamedArrays
from engrain.base.errors import ConfigError, ShapeError, UnknownIdError
from engrain.policy.joint_trainer import JointTrainer, TrainingSample
from engrain.policy.nets import ModuleState
from tests.policy.small import DIM, IDS, Nets, nets, samples
from tests.strategies import normal

pytestmark = pytest.mark.usefixtures("one_thread")


def moved(before: list[NamedArrays], parts: Nets) -> list[bool]:
    after = [ModuleState(net).state() for net in parts[:4]]
    return [
        any((old[name] != new[name]).any() for name in new)
        for old, new in zip(before, after, strict=True)
    ]


def test_training_moves_every_net_and_lowers_every_loss() -> None:
    parts = nets()
    before = [ModuleState(net).state() for net in parts[:4]]
    metrics = JointTrainer(*parts).train(samples(20), epochs=100)
    assert moved(before, parts) == [True] * 4
    first, last = metrics.history[0], metrics.history[-1]
    assert all(last[name] < 0.8 * first[name] for name in first)
    assert parts.gate.is_stable()
    assert not any(net.training for net in parts[:4])


@pytest.mark.parametrize("loss", ["memory", "strategy", "confidence"])
def test_each_loss_alone_teaches_the_encoder(loss: str) -> None:
    parts = nets()
    before = [ModuleState(net).state() for net in parts[:4]]
    trainer = JointTrainer(*parts)
    trainer.weights = {name: float(name == loss) for name in trainer.weights}
    trainer.train(samples(8), epochs=2)
    own = {"memory": 1, "strategy": 2, "confidence": 3}[loss]
    assert moved(before, parts) == [i in {0, own} for i in range(4)]


def test_held_out_samples_learn_to_be_read_too() -> None:
    parts = nets()
    metrics = JointTrainer(*parts, batch_size=16).train(samples(400), epochs=40, patience=40)
    held = metrics.validation
    assert held[metrics.best_epoch]["total"] < 0.8 * held[0]["total"]
    assert held[metrics.best_epoch]["total"] == min(entry["total"] for entry in held)


def test_training_stops_early_and_keeps_the_best_weights() -> None:
    parts, held = nets(), samples(40, seed=5)
    trainer = JointTrainer(*parts)
    metrics = trainer.train(samples(10), epochs=200, validation=held, patience=3)
    assert metrics.epochs == metrics.best_epoch + 3 < 200
    best = metrics.validation[metrics.best_epoch]
    assert trainer.evaluate(trainer.collate(held))["total"] == pytest.approx(
        best["total"], rel=1e-5
    )
    assert metrics.history[-1] == trainer.evaluate(trainer.collate(samples(10)))


def test_equal_seeds_train_equally() -> None:
    states = []
    for _ in range(2):
        parts = nets()
        JointTrainer(*parts, batch_size=4).train(samples(9), epochs=3)
        states.append(
            b"".join(a.tobytes() for n in parts[:4] for a in ModuleState(n).state().values())
        )
    assert states[0] == states[1]


def test_lists_of_different_lengths_train_together() -> None:
    mixed = samples(4, memories=3) + samples(4, memories=8)
    mixed.append(TrainingSample(normal(0, DIM), normal(1, DIM)))
    trainer = JointTrainer(*nets())
    batch = trainer.collate(mixed)
    assert batch.memories.shape == (9, 8, DIM)
    assert batch.mask.sum(dim=1).tolist() == [3] * 4 + [8] * 4 + [0]
    alone = trainer.evaluate(trainer.collate(mixed[:4]))["memory"]
    padded = trainer.evaluate(trainer.collate([*mixed[:4], mixed[-1], mixed[4]]))["memory"]
    extra = trainer.evaluate(trainer.collate(mixed[4:5]))["memory"]
    assert padded == pytest.approx((4 * alone + extra) / 5, rel=1e-5)


def test_the_summary_has_the_form_of_the_specification() -> None:
    metrics = JointTrainer(*nets()).train(samples(8), epochs=2)
    lines = metrics.summary().splitlines()
    assert lines[0] == "Joint Training: 2 epochs"
    names = [re.fullmatch(r"  (\w+) loss: +\d+\.\d\d → \d+\.\d\d", line) for line in lines[1:]]
    assert [m and m[1] for m in names] == ["Total", "Memory", "Strategy", "Confidence"]
    held = JointTrainer(*nets()).train(samples(8), epochs=2, validation=0.5)
    assert "(held out" in held.summary()


def test_bad_samples_are_refused_before_anything_moves() -> None:
    parts = nets()
    before = [ModuleState(net).state() for net in parts[:4]]
    trainer, good = JointTrainer(*parts), samples(2)
    message, history = normal(0, DIM), normal(1, DIM)
    with pytest.raises(ShapeError, match="relevant_indices"):
        trainer.train([*good, TrainingSample(message, history, relevant_indices={0})])
    with pytest.raises(UnknownIdError):
        trainer.train([*good, TrainingSample(message, history, strategy_id="shout")])
    with pytest.raises(ConfigError, match="outcome"):
        trainer.train([*good, TrainingSample(message, history, outcome=2.0)])
    with pytest.raises(ConfigError, match="epochs"):
        trainer.train([])
    assert moved(before, parts) == [False] * 4
    assert tuple(strategy.id for strategy in parts.registry) == IDS
