from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.ranking import WARM_UP, RankingModel
from tests.strategies import normal

NAMES = ("s:bm25", "s:cos", "s:len", "e:near", "e:count")
KINDS = ("static", "static", "static", "evidence", "evidence")
SIGNS = (0, 0, 0, 1, -1)


def model(**options: Any) -> RankingModel:
    return RankingModel(NAMES, KINDS, SIGNS, base={"s:bm25": 1, "s:cos": 1}, **options)


def lists(n: int, seed: int = 0) -> list[tuple[F32Array, F32Array]]:
    """Lists whose used memory is the one with the largest third and fourth column."""
    out = []
    for i in range(n):
        rows = normal(seed + i, 10, 5)
        outcomes = np.zeros(10, dtype=np.float32)
        outcomes[np.argmax(rows[:, 2] + rows[:, 3])] = 1
        out.append((rows, outcomes))
    return out


def test_it_starts_at_the_base() -> None:
    assert model().weights.tolist() == [1, 1, 0, 0, 0]


def test_it_waits_for_twenty_lists_and_then_replays_them() -> None:
    learner = model()
    reports = [learner.step(*judged) for judged in lists(WARM_UP)]
    assert [report.learned for report in reports] == [False] * (WARM_UP - 1) + [True]
    rows = np.concatenate([x for x, _ in lists(WARM_UP)])
    np.testing.assert_allclose(learner.scales, rows.astype(float).std(0), rtol=1e-6)
    fast = model()
    for judged in lists(WARM_UP - 1):
        fast.step(*judged)
    assert fast.weights.tolist() == [1, 1, 0, 0, 0]
    assert not fast.warm
    assert learner.warm


def test_it_learns_what_pays_and_keeps_its_signs() -> None:
    learner = model()
    for judged in lists(400):
        learner.step(*judged)
    late = [learner.step(*judged).loss for judged in lists(50, seed=1000)]
    assert np.mean(late) < 1.6 < np.log(10)
    assert learner.weights[2] > 0.3
    assert learner.weights[3] > 0.3
    assert learner.weights[4] <= 0


def test_the_control_learns_no_evidence() -> None:
    control = model(evidence=False)
    for judged in lists(60):
        control.step(*judged)
    assert not control.weights[3:].any()
    assert control.weights[2] > 0


def test_a_list_without_success_teaches_nothing() -> None:
    learner = model()
    before = {name: array.tobytes() for name, array in learner.state().items()}
    assert not learner.step(normal(0, 10, 5), np.zeros(10, dtype=np.float32)).learned
    assert {name: array.tobytes() for name, array in learner.state().items()} == before


def test_a_trusted_teacher_counts_as_lists_of_a_weaker_prior() -> None:
    judged, weak = model(lam=100.0), model(lam=10.0)
    for judgment in lists(60):
        judged.step(*judgment, lam=10.0)
        weak.step(*judgment, lam=10.0)
    np.testing.assert_allclose(judged.weights, weak.weights, rtol=1e-9)


def test_omega_scales_gradient_and_curvature() -> None:
    once, more = model(), model()
    for judged in lists(40):
        once.step(*judged, lam=50.0)
        more.step(*judged, omega=1.0, lam=100.0)
    np.testing.assert_allclose(once.weights, more.weights, rtol=1e-12)


def test_a_frozen_column_keeps_its_weight() -> None:
    learner = model()
    for judged in lists(40):
        learner.step(*judged)
    kept = learner.weights[2]
    learner.set_available("s:len", False)
    for judged in lists(40):
        learner.step(*judged)
    assert learner.weights[2] == kept
    report = learner.fit(*flat(lists(40)), value=np.ones(40), lam=100.0)
    assert report.weights[2] == kept


def flat(judged: list[tuple[F32Array, F32Array]]) -> tuple[Any, Any, Any]:
    offsets = np.concatenate([[0], np.cumsum([len(y) for _, y in judged])])
    return np.concatenate([x for x, _ in judged]), np.concatenate([y for _, y in judged]), offsets


def test_a_later_column_joins_after_its_own_warm_up() -> None:
    learner = model()
    for judged in lists(30):
        learner.step(*judged)
    learner.add_column("x:window", "static", 0)
    for i, (rows, outcomes) in enumerate(lists(60)):
        wide = np.column_stack([rows, 2 * rows[:, 3] + rows[:, 2]]).astype(np.float32)
        learner.step(wide, outcomes)
        assert (learner.weights[5] == 0) == (i < WARM_UP - 1)
    assert learner.weights[5] > 0
    assert np.linalg.eigvalsh(learner.precision).min() > 0


def test_steps_go_on_from_a_fit() -> None:
    learner = model()
    report = learner.fit(*flat(lists(200)), value=np.ones(200), lam=100.0)
    learner.set_weights(report.weights, report.scales, report.precision)
    assert learner.warm
    after = learner.step(*lists(1, seed=500)[0])
    assert after.learned
    assert after.moved < 0.1
    assert report.residual < 1e-3


def test_state_and_load_are_the_same_bytes_at_every_level() -> None:
    finals = set()
    for level in LEVELS:
        set_simd_level(level)
        for cut in (5, 30):
            learner, again = model(), model()
            for judged in lists(cut):
                learner.step(*judged)
            again.load(learner.state())
            for judged in lists(60)[cut:]:
                again.step(*judged)
            finals.add(tuple(array.tobytes() for array in again.state().values()))
    set_simd_level(LEVELS[-1])
    assert len(finals) == 1


def test_scores_are_the_sum_of_their_contributions() -> None:
    learner, rows = model(), normal(1, 7, 5)
    np.testing.assert_allclose(
        learner.score(rows), learner.contributions(rows).sum(1), rtol=1e-6, atol=1e-6
    )


def test_bad_columns_and_rows_are_refused() -> None:
    for names, kinds, base in (
        (("a", "a"), ("static",) * 2, {"a": 1}),
        (("a", "b"), ("static", "other"), {"a": 1}),
        (("a", "b"), ("static",) * 2, {"c": 1}),
        (("a", "b"), ("static",) * 2, {}),
    ):
        with pytest.raises(ConfigError):
            RankingModel(names, kinds, (0, 0), base=base)
    learner = model()
    with pytest.raises(ShapeError):
        learner.step(normal(0, 10, 4), np.ones(10, dtype=np.float32))
    with pytest.raises(ValueError, match="finite"):
        learner.step(np.full((2, 5), np.nan, np.float32), np.ones(2, dtype=np.float32))
    with pytest.raises(ValueError, match="outcomes"):
        learner.step(normal(0, 2, 5), np.array([2, 0], dtype=np.float32))
    with pytest.raises(ShapeError):
        learner.set_weights(np.ones(4))
    with pytest.raises(ShapeError, match="columns"):
        RankingModel(NAMES[:3], KINDS[:3], SIGNS[:3], base={"s:cos": 1}).load(learner.state())


@pytest.mark.parametrize("inline", [False, True])
def test_trust_holds_static_weights_to_the_prior_and_leaves_evidence_free(inline: bool) -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((200, 2)).astype(np.float32)
    targets = np.zeros(200, np.float32)
    for q in range(40):
        targets[5 * q + int(np.argmax(rows[5 * q : 5 * q + 5].sum(axis=1)))] = 1
    found = []
    for trust in (1.0, 100.0):
        model = RankingModel(
            ["s", "e"],
            ["static", "evidence"],
            [0, 1],
            base={"e": 1.0},
            lam=10.0,
            trust={"static": trust, "evidence": 1.0},
        )
        offsets = np.arange(0, 201, 5)
        if inline:
            for first in offsets[:-1].tolist():
                model.step(rows[first : first + 5], targets[first : first + 5], lam=10.0)
            found.append(model.weights)
        else:
            found.append(model.fit(rows, targets, offsets, value=np.ones(40), lam=10.0).weights)
    assert 0 < found[1][0] < 0.3 * found[0][0]
    assert found[1][1] > 0.5 * found[0][1]
    with pytest.raises(ConfigError, match="trust"):
        RankingModel(["s"], ["static"], [0], base={"s": 1.0}, trust={"static": 0, "evidence": 1})


def test_a_column_that_is_the_same_everywhere_tells_nothing_of_its_deviation() -> None:
    """Evidence is 0 until late feedback arrives; steps must not take that for its scale."""
    learner, seen = model(), lists(2 * WARM_UP + 1)
    for rows, outcomes in seen[:WARM_UP]:
        rows[:, 3] = 0.25
        learner.step(rows, outcomes)
    for rows, outcomes in seen[WARM_UP:-1]:
        assert learner.weights[3] == 0
        learner.step(rows, outcomes)
    told = np.concatenate([rows[:, 3] for rows, _ in seen[WARM_UP:-1]])
    assert learner.scales[3] == pytest.approx(told.std(dtype=np.float64))
    assert learner.weights[3] != 0
