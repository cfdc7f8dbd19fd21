from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from engrain.base.errors import SnapshotError
from engrain.base.ids import Id
from engrain.learning.collector import EventStore
from engrain.learning.events import emit_retrieval_event
from engrain.learning.experience import FEATURES, Experience, OutcomeEvent, RetrievalEvent
from engrain.learning.formats.full_json import FullJSON
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.scorer import LearnedRetrievalScorer, ScorerTrainer, TrainerConfig

UTILITY = np.array([1.0, 0.2, 0.5, 0.3])


def experience(rng: np.random.Generator, size: int) -> Experience:
    rows = rng.random((size, 4))
    parts: dict[Id, dict[str, float]] = {
        i: dict(zip(FEATURES, row.tolist(), strict=True)) for i, row in enumerate(rows)
    }
    event = RetrievalEvent("q", tuple(range(size)), (1.0,) * size, parts)
    return Experience(event, (rows @ UTILITY / 2).astype(np.float32))


def trained(steps: int = 200, seed: int = 0) -> ScorerTrainer:
    rng = np.random.default_rng(seed)
    trainer = ScorerTrainer(LearnedRetrievalScorer(seed=seed))
    trainer.train_step([experience(rng, int(n)) for n in rng.integers(2, 12, 300)])
    for _ in range(steps):
        trainer.train_step()
    return trainer


def test_scores_lie_between_zero_and_one_and_keep_the_order_of_logits() -> None:
    rows = np.random.default_rng(0).random((50, 4))
    scorer = LearnedRetrievalScorer()
    scores, logits = scorer.forward(rows), scorer.forward(rows, logits=True)
    assert ((scores > 0) & (scores < 1)).all()
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert scorer.forward(rows[0]) == scores[0]
    named = [dict(zip(FEATURES, row, strict=True)) for row in rows]
    np.testing.assert_array_equal(np.array(scorer.score_memories(named), np.float32), scores)
    assert scorer.score_memories([]) == []


def test_a_utility_is_learned_from_ragged_lists() -> None:
    scorer, rng = trained().scorer, np.random.default_rng(99)
    lists = rng.random((50, 10, 4))
    tau = np.mean([kendalltau(scorer.forward(x), x @ UTILITY)[0] for x in lists])
    print(f"Kendall tau after 200 steps: {tau:.3f}")
    assert tau > 0.9


def test_inference_is_the_same_after_training_however_often() -> None:
    scorer = trained(20).scorer
    rows = np.random.default_rng(1).random((10, 4))
    np.testing.assert_array_equal(scorer.forward(rows), scorer.forward(rows))


def test_emitted_components_change_the_ranking() -> None:
    store = EventStore()
    trainer = ScorerTrainer(LearnedRetrievalScorer(), TrainerConfig(learning_rate=0.01))
    rng = np.random.default_rng(2)
    for _ in range(60):
        parts: dict[Id, dict[str, float]] = {
            i: {"similarity": 0.5, "recency": float(x)} for i, x in enumerate(rng.random(5))
        }
        emit_retrieval_event("q", range(5), [0.5] * 5, parts, store=store)
        judged: dict[Id, float] = {i: named["recency"] for i, named in parts.items()}
        store.record_outcome(OutcomeEvent(memory_outcomes=judged))
        trainer.train_step(store.experiences(limit=1))
    old, new = [0.5, 0.1, 0.0, 0.0], [0.5, 0.9, 0.0, 0.0]
    scores = trainer.scorer.forward([old, new])
    assert scores[1] > scores[0] + 0.1


def test_nothing_to_learn_from_is_a_loss_of_zero() -> None:
    trainer = ScorerTrainer(LearnedRetrievalScorer())
    before = trainer.scorer.parameters.copy()
    unsaid = Experience(RetrievalEvent("q", (1, 2), (0.5, 0.5)), np.full(2, np.nan, np.float32))
    assert trainer.train_step([]) == 0.0
    assert trainer.train_step() == 0.0
    assert trainer.train_step([unsaid]) == 0.0
    np.testing.assert_array_equal(trainer.scorer.parameters, before)


def test_negative_and_tied_rewards_and_long_and_short_lists_train_together() -> None:
    rng = np.random.default_rng(3)
    mixed = [experience(rng, n) for n in (2, 3, 17, 60)]
    tied = Experience(mixed[1].retrieval, np.zeros(3, np.float32))
    negative = Experience(mixed[2].retrieval, -mixed[2].rewards)
    trainer = ScorerTrainer(LearnedRetrievalScorer())
    losses = [trainer.train_step([*mixed, tied, negative]) for _ in range(20)]
    assert np.isfinite(losses).all()
    assert np.isfinite(trainer.scorer.parameters).all()


def test_a_saved_trainer_continues_bit_for_bit(tmp_path: Path) -> None:
    config = TrainerConfig(capacity=64)
    first = ScorerTrainer(LearnedRetrievalScorer(), config)
    second = ScorerTrainer(LearnedRetrievalScorer(seed=5), config)
    rng = np.random.default_rng(4)
    for _ in range(10):
        first.train_step([experience(rng, 5) for _ in range(10)])
    save_checkpoint(tmp_path / "t", {"trainer": first})
    load_checkpoint(tmp_path / "t", {"trainer": second})
    for i in range(10):
        more = [experience(rng, 4) for _ in range(i)] or None
        assert first.train_step(more) == second.train_step(more)
    np.testing.assert_array_equal(first.scorer.parameters, second.scorer.parameters)
    assert first.steps == second.steps == 20


def test_the_state_of_another_trainer_is_refused() -> None:
    trainer = trained(1)
    with pytest.raises(SnapshotError, match="not one"):
        LearnedRetrievalScorer(["other"]).load(trainer.scorer.state())
    small = ScorerTrainer(LearnedRetrievalScorer(), TrainerConfig(capacity=8))
    with pytest.raises(SnapshotError, match="replay"):
        small.load(trainer.state())
    event = FullJSON().encode(RetrievalEvent("q", (1,), (0.5,)))
    with pytest.raises(SnapshotError, match="RetrievalEvent"):
        trainer.load({**trainer.state(), "experiences": [event]})


def test_bad_input_is_refused() -> None:
    scorer = LearnedRetrievalScorer()
    with pytest.raises(ValueError, match="features"):
        scorer.forward([1.0, 2.0])
    with pytest.raises(ValueError, match="NaN"):
        scorer.forward([np.nan, 0.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="name"):
        LearnedRetrievalScorer([])
    with pytest.raises(ValueError, match="batch_size"):
        TrainerConfig(batch_size=0)
