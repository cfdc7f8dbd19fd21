from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engrain import Memory
from engrain.base.errors import ConfigError, NonFiniteError, UnknownIdError
from engrain.policy.memory_bank import MemoryBank
from engrain.policy.nets import ModuleState
from engrain.policy.online_trainer import InteractionOutcome, OnlineTrainer
from engrain.policy.replay_buffer import ReplayBuffer, ReplayEntry
from tests.policy.small import DIM, Nets, last, nets
from tests.strategies import normal

pytestmark = pytest.mark.usefixtures("one_thread")
WIN, LOSS = "Thanks, that worked!", "no, that's wrong"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[MemoryBank]:
    with MemoryBank(Memory(tmp_path / "bank.db")) as bank:
        for i in range(8):
            bank.add(f"memory {i}", normal(i, DIM), id=i)
        yield bank
        bank.memory.close()


def bare(trainer: OnlineTrainer, response: str = WIN, **more: Any) -> InteractionOutcome:
    return trainer.record_interaction(
        situation_emb=normal(0, DIM),
        memory_indices=[0, 1],
        memory_scores=[0.9, 0.4],
        strategy_id="clarify",
        confidence=0.8,
        user_response=response,
        **more,
    )


def full(trainer: OnlineTrainer, response: str = WIN, seed: int = 0) -> InteractionOutcome:
    inputs = (normal(seed, DIM), normal(seed + 50, DIM), {"hour_of_day": 9})
    return bare(trainer, response, inputs=inputs, memory_ids=[seed % 8, (seed + 1) % 8])


def states(parts: Nets) -> list[bytes]:
    return [b"".join(a.tobytes() for a in ModuleState(n).state().values()) for n in parts[:4]]


def changed(parts: Nets, before: list[bytes]) -> list[bool]:
    return [old != new for old, new in zip(before, states(parts), strict=True)]


def loss_of(trainer: OnlineTrainer, entries: list[ReplayEntry]) -> dict[str, float]:
    with torch.no_grad():
        return {name: float(loss) for name, loss in trainer.losses(entries).items()}


@pytest.mark.parametrize("response", [WIN, LOSS])
def test_with_inputs_every_net_moves_down_its_loss(bank: MemoryBank, response: str) -> None:
    parts = nets()
    trainer = OnlineTrainer(*parts, memory_bank=bank, lr=1e-3, update_every=10**9)
    for seed in range(12):
        full(trainer, response, seed)
    entries, before = list(trainer.buffer.entries()), states(parts)
    first = loss_of(trainer, entries)
    reached = [trainer.step() for _ in range(20)]
    assert reached[-1] == {"encoder", "gate", "strategy", "confidence"}
    assert changed(parts, before) == [True] * 4
    last = loss_of(trainer, entries)
    assert set(last) == {"memory", "strategy", "confidence"}
    assert all(last[name] < first[name] for name in first)


def test_bare_calls_leave_encoder_and_gate_and_say_so() -> None:
    parts = nets()
    trainer, before = OnlineTrainer(*parts, update_every=5), states(parts)
    outcomes = [bare(trainer) for _ in range(10)]
    assert [bool(outcome.updated) for outcome in outcomes] == ([False] * 4 + [True]) * 2
    assert outcomes[-1].updated == {"strategy", "confidence"}
    assert changed(parts, before) == [False, False, True, True]


def test_wins_and_losses_teach_opposite_things(bank: MemoryBank) -> None:
    chances, scores, confidence = {}, {}, {}
    for response in (WIN, LOSS):
        parts = nets()
        trainer = OnlineTrainer(*parts, memory_bank=bank, lr=1e-3, update_every=1)
        for _ in range(40):
            full(trainer, response, 0)
            full(trainer, WIN if response == LOSS else LOSS, 4)
        situation = parts.encoder.encode_situation(normal(0, DIM), normal(50, DIM))
        place = parts.registry.index("clarify")
        chances[response] = parts.selector.probabilities(situation)[place]
        scores[response] = float(parts.gate.score_memories(situation, bank.vectors([0]))[0])
        confidence[response] = parts.estimator.estimate(situation, [0.9, 0.4])
    assert chances[WIN] > chances[LOSS]
    assert scores[WIN] > scores[LOSS]
    assert confidence[WIN] > confidence[LOSS]


def test_what_was_not_said_teaches_neither_memory_nor_confidence(bank: MemoryBank) -> None:
    parts = nets()
    trainer = OnlineTrainer(*parts, memory_bank=bank)
    outcome = full(trainer, "My train leaves at nine")
    assert outcome.reward == pytest.approx(0.1)
    assert outcome.memory_was_relevant is None
    assert set(trainer.losses(list(trainer.buffer.entries()))) == {"strategy"}
    assert full(trainer, "").reward == 0.0


def test_forgotten_memories_are_left_out(bank: MemoryBank) -> None:
    trainer = OnlineTrainer(*nets(), memory_bank=bank)
    full(trainer, WIN, 0)
    bank.memory.forget([0])
    assert "memory" not in trainer.losses(list(trainer.buffer.entries()))


# -- stability ----------------------------------------------------------------------------------


def test_a_small_learning_rate_moves_little() -> None:
    parts = nets()
    trainer = OnlineTrainer(*parts, update_every=1)
    before = last(parts.selector.net).weight.detach().clone()
    bare(trainer)
    after = last(parts.selector.net).weight.detach()
    assert 0 < float((after - before).abs().max()) <= 1.001e-4


def test_replay_keeps_what_was_learned_first() -> None:
    """Feedback on A, then only on B: with replay the policy for A survives better than without."""
    kept = {}
    for capacity in (1, 10_000):
        parts = nets()
        trainer = OnlineTrainer(*parts, buffer=ReplayBuffer(capacity), lr=3e-3, update_every=1)
        a, b = normal(1, DIM), normal(2, DIM)
        for situation, strategy, times in ((a, "clarify", 30), (b, "quick_answer", 60)):
            for _ in range(times):
                trainer.record_interaction(situation, [], [], strategy, 0.5, WIN)
        kept[capacity] = parts.selector.probabilities(a)[parts.registry.index("clarify")]
    assert kept[10_000] > kept[1] + 0.1


def test_gradients_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = nets()
    trainer = OnlineTrainer(*parts, update_every=1, strategy_weight=1e6)
    norms = []
    step = trainer.optimizer.step

    def watched(*arguments: Any) -> Any:
        grads = [p.grad for net in parts[:4] for p in net.parameters() if p.grad is not None]
        norms.append(float(torch.cat([g.ravel() for g in grads]).norm()))
        return step(*arguments)

    monkeypatch.setattr(trainer.optimizer, "step", watched)
    bare(trainer)
    assert norms == [pytest.approx(1.0, rel=1e-3)]


def test_the_running_loss_starts_at_the_first_and_rises_when_users_change_their_mind() -> None:
    trainer = OnlineTrainer(*nets(), lr=1e-2, update_every=1, buffer=ReplayBuffer(16))
    assert trainer.ema_loss == 0.0
    bare(trainer)
    entries = list(trainer.buffer.entries())
    assert trainer.ema_loss == pytest.approx(
        sum(loss_of(OnlineTrainer(*nets()), entries).values()), rel=0.05
    )
    for _ in range(60):
        bare(trainer)
    settled = trainer.ema_loss
    for _ in range(8):
        bare(trainer, LOSS)
    assert trainer.ema_loss > 1.5 * settled


def test_recent_interactions_are_drawn_more_often_and_old_ones_still() -> None:
    trainer = OnlineTrainer(*nets())
    for i in range(100):
        bare(trainer, propensity=(i + 1) / 100)
    drawn = [e.propensity or 0 for _ in range(300) for e in trainer.buffer.sample(8)]
    recent, old = (sum(low < p <= low + 0.2 for p in drawn) for low in (0.8, 0.0))
    assert 2 * old < recent
    assert old > 0


def test_a_loss_that_is_not_finite_trains_nothing() -> None:
    parts = nets()
    trainer = OnlineTrainer(*parts, update_every=1, strategy_weight=float("inf"))
    before = states(parts)
    assert bare(trainer).updated == frozenset()
    assert changed(parts, before) == [False] * 4


# -- the rest -----------------------------------------------------------------------------------


def test_equal_seeds_learn_equally() -> None:
    results = []
    for _ in range(2):
        parts = nets()
        trainer = OnlineTrainer(*parts, update_every=2)
        for i in range(10):
            bare(trainer, WIN if i % 3 else LOSS)
        results.append((states(parts), trainer.ema_loss))
    assert results[0] == results[1]


def test_bad_input_records_nothing() -> None:
    trainer = OnlineTrainer(*nets())
    with pytest.raises(UnknownIdError):
        trainer.record_interaction(normal(0, DIM), [], [], "shout", 0.5, WIN)
    with pytest.raises(ConfigError, match="confidence"):
        trainer.record_interaction(normal(0, DIM), [], [], "clarify", 1.5, WIN)
    with pytest.raises(NonFiniteError):
        trainer.record_interaction(np.full(DIM, np.nan), [], [], "clarify", 0.5, WIN)
    with pytest.raises(TypeError):
        trainer.record_interaction(normal(0, DIM), [], [], "clarify", 0.5, None)  # type: ignore[arg-type]
    assert (trainer.buffer_size, trainer.interactions) == (0, 0)
    with pytest.raises(ConfigError, match="registry"):
        OnlineTrainer(*nets()[:4])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("learned", [False, True])
def test_tensors_are_recorded_as_they_are(dtype: torch.dtype, learned: bool) -> None:
    trainer = OnlineTrainer(*nets(), update_every=None)
    situation = torch.from_numpy(normal(3, DIM)).to(dtype).requires_grad_(learned)
    scores = torch.tensor([0.5, 0.25], dtype=dtype, requires_grad=learned)
    trainer.record_interaction(situation, [4, 2], scores, "clarify", 0.8, WIN)
    (entry,) = trainer.buffer.entries()
    np.testing.assert_array_equal(entry.situation_emb, situation.detach().float().numpy())
    np.testing.assert_array_equal(entry.memory_scores, [0.5, 0.25])
