"""The router on a table of nine models, question by question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.loops import (
    BackgroundLearningConfig,
    EWCPlusPlusState,
    FastGRNNRouter,
    RouterBatch,
    train_router,
)

CYCLE, REPLAY = 100, 2000
CONFIG = BackgroundLearningConfig(learning_rate=0.3, batch_size=64)


def rewards(folder: Path, seed: int) -> F64Array:
    """Choose a model for each question of a shuffled stream, then learn what each had scored.

    Between cycles of 100 questions the router sees those and 2,000 earlier ones once.
    """
    rng = np.random.default_rng(seed)
    questions = np.load(folder / "train_questions_minilm64tok_f16.npy").astype(np.float32)
    scores = np.load(folder / "train_scores.npz")["scores"].astype(np.float32)
    order = rng.permutation(len(questions))
    x, y = questions[order], scores[order]
    router = FastGRNNRouter(x.shape[1], y.shape[1], gain=3.0, seed=seed, dtype=np.float32)
    ewc = EWCPlusPlusState(len(router.get_weights()))
    found: list[float] = []
    for start in range(0, len(x), CYCLE):
        new = np.arange(start, min(start + CYCLE, len(x)))
        chosen = np.array([router.choose(question) for question in x[new]])
        found += y[new, chosen].tolist()
        old = rng.choice(start, min(start, REPLAY), replace=False)
        seen = np.concatenate([new, old])
        lessons = RouterBatch(x[seen], np.zeros(len(seen), np.int64), y[seen])
        train_router(router, lessons, ewc, CONFIG, epochs=1, seed=start)
    return np.array(found)


@pytest.mark.slow
def test_the_router_beats_the_best_fixed_model_of_hindsight(data: Path) -> None:
    folder = data / "routing_dcrouter"
    streams = np.stack([rewards(folder, seed) for seed in range(5)])
    best_fixed = np.load(folder / "train_scores.npz")["scores"].astype(np.float64).mean(0).max()
    cumulative, last_third = streams.mean(), streams[:, -len(streams[0]) // 3 :].mean()
    print(f"cumulative {cumulative:.4f}, last third {last_third:.4f}, best fixed {best_fixed:.4f}")
    assert best_fixed == pytest.approx(0.6213, abs=1e-4)
    assert cumulative >= 0.617
    assert last_third >= 0.629
