from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, UnknownTraceError
from engrain.kernels import InstantLearningLoop, LoopRule, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.evidence import Evidence
from engrain.memory.ledger import Ledger
from engrain.memory.ranking import WARM_UP, RankingModel
from tests.strategies import normal

DIM, COLUMNS, SHOWN = 24, 5, 6
NAMES = ("s:a", "s:b", "s:c", "e:d", "e:e")
KINDS = ("static",) * 3 + ("evidence",) * 2


def memories(n: int = 200) -> F32Array:
    rows = normal(0, n, DIM)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def model(*, evidence: bool = True) -> RankingModel:
    return RankingModel(NAMES, KINDS, (0, 0, 0, 1, 1), base={"s:a": 1}, evidence=evidence)


def loop(rows: F32Array | None = None) -> InstantLearningLoop:
    return InstantLearningLoop(
        DIM,
        model(),
        model(evidence=False),
        Ledger(NAMES, KINDS),
        Evidence(DIM, questions=64),
        LoopRule(),
        memories=memories() if rows is None else rows,
        max_edges=4096,
    )


def asked(seed: int) -> dict[str, Any]:
    """The terms of a question."""
    rng = np.random.default_rng(seed)
    terms = np.sort(rng.choice(50, 4, replace=False)).astype(np.int32)
    return {
        "terms": terms,
        "counts": np.ones(4, np.float32),
        "idf": rng.random(4, dtype=np.float32) + 1,
    }


def request(loop: InstantLearningLoop, seed: int, late: bool = False) -> float:
    """Run one request that depends on the seed alone; return the mean prediction error."""
    rng = np.random.default_rng(seed)
    query, rows = normal(seed, DIM), normal(seed + 1, SHOWN, COLUMNS)
    shown = rng.permutation(len(table(loop)))[:SHOWN]
    outcomes = (rng.random(SHOWN) < 0.4).astype(np.float32)
    quality = rng.random()
    if not late:
        return loop.request(query, shown, rows, outcomes, float(seed), quality=quality)
    trace = loop.observe(query, shown, rows, float(seed), scope=seed % 2, encode=0.3, **asked(seed))
    outcomes[seed % SHOWN] = np.nan
    return loop.learn(
        trace,
        outcomes,
        seed + 2.5,
        quality=quality,
        latency_ratio=1.0 + rng.random(),
        model_tier=1,
        context_tokens=500,
    )


def table(loop: InstantLearningLoop) -> F32Array:
    assert loop.memories is not None
    return loop.memories


def fingerprint(loop: InstantLearningLoop) -> bytes:
    arrays = sorted(loop.state().items())
    return b"".join(array.tobytes() for _, array in arrays) + table(loop).tobytes()


def test_used_memories_gain_in_every_part() -> None:
    learner = loop()
    shown, query = np.arange(10, 10 + SHOWN), memories()[50].copy()
    outcomes = np.array([0, 1, 0, 0, 0, 0], dtype=np.float32)
    rows = np.zeros((SHOWN, COLUMNS), dtype=np.float32)
    rows[1, 2] = 1
    start = memories()
    for step in range(60):
        learner.request(query, shown, rows, outcomes, float(step), quality=0.9)
    assert learner.model.weights[2] > 0.1
    assert learner.model.weights[1] == 0
    assert learner.evidence.mass(11) == 60
    assert learner.evidence.mass(12) == 0
    expected = learner.values.expected(shown)
    assert expected[1] > 0.9 > 0.1 > expected[0]
    edges = learner.edges.weights(np.full(SHOWN, 10), shown)
    assert edges[1] > 0.8
    assert edges[2] == 0
    assert table(learner)[11] @ query > start[11] @ query
    assert table(learner)[12] @ query < start[12] @ query
    adapted = learner.adapter.apply(query)
    assert (adapted - query) @ start[11] > 0
    assert learner.trajectories.counts["recorded"] == learner.signals.counts["recorded"] == 60


def test_one_call_equals_its_parts_in_their_order() -> None:
    learner = loop()
    full, control = model(), model(evidence=False)
    ledger, evidence = Ledger(NAMES, KINDS), Evidence(DIM, questions=64)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        query, rows, words = normal(seed, DIM), normal(seed, SHOWN, COLUMNS), asked(seed)
        shown = rng.permutation(200)[:SHOWN]
        outcomes = (rng.random(SHOWN) < 0.4).astype(np.float32)
        vectors = normal(seed + 7, SHOWN, DIM)
        trace = learner.observe(query, shown, rows, float(seed), **words)
        learner.learn(trace, outcomes, float(seed), vectors=vectors)
        used = outcomes > 0
        seen = any(evidence.mass(handle) > 0 for handle in shown[used].tolist())
        ledger.update(rows, outcomes, full.weights, control.weights, seen)
        full.step(rows, outcomes)
        control.step(rows, outcomes)
        evidence.add(
            0,
            query,
            words["terms"],
            words["counts"],
            shown[used],
            outcomes[used],
            vectors[used],
            words["idf"],
            shown[~used] if used.any() else None,
        )
    for part, holder in (
        ("model", full),
        ("control", control),
        ("ledger", ledger),
        ("evidence", evidence),
    ):
        for name, array in holder.state().items():
            assert learner.state()[f"{part}/{name}"].tobytes() == array.tobytes(), (part, name)
    assert full.warm


def test_what_was_not_told_teaches_nothing_but_the_ranking() -> None:
    learner, shown = loop(), np.arange(SHOWN)
    outcomes = np.array([np.nan, 1, np.nan, 0, np.nan, np.nan], dtype=np.float32)
    trace = learner.observe(normal(0, DIM), shown, normal(1, SHOWN, COLUMNS), 0.0)
    learner.learn(trace, outcomes, 1.0)
    assert learner.values.counts(shown).tolist() == [0, 1, 0, 1, 0, 0]
    assert (table(learner)[[0, 2, 4, 5]] == memories()[[0, 2, 4, 5]]).all()


def test_memories_that_were_not_shown_teach_the_ranking_weights_alone() -> None:
    listed, alone, full = loop(), loop(), model()
    for seed in range(WARM_UP + 10):
        shown = np.random.default_rng(seed).permutation(200)[:SHOWN]
        rows, outcomes = (
            normal(seed, SHOWN + 70, COLUMNS),
            np.eye(SHOWN, dtype=np.float32)[seed % 3],
        )
        for learner, own in ((listed, rows), (alone, rows[:SHOWN].copy())):
            trace = learner.observe(normal(seed, DIM), shown, own, float(seed))
            learner.learn(trace, outcomes, float(seed))
        full.step(rows, np.concatenate([outcomes, np.zeros(70, np.float32)]))
    np.testing.assert_array_equal(listed.model.weights, full.weights)
    assert (listed.model.weights != alone.model.weights).any()
    for name, array in listed.state().items():
        if not name.startswith(("model/", "control/", "ledger/")):
            assert array.tobytes() == alone.state()[name].tobytes(), name


def test_runners_up_are_for_the_ledger_alone() -> None:
    learner, alone, ledger = loop(), loop(), Ledger(NAMES, KINDS)
    for seed in range(WARM_UP + 5):
        rows, shown = normal(seed, SHOWN + 20 + 5, COLUMNS), np.arange(SHOWN) + seed
        outcomes = np.eye(SHOWN, dtype=np.float32)[seed % SHOWN]
        seen = learner.evidence.mass(seed + seed % SHOWN) > 0
        weights, static = learner.model.weights, learner.control.weights
        ledger.update(rows[:SHOWN], outcomes, weights, static, seen, rows[-5:])
        for own, kept, runners in ((learner, rows, 5), (alone, rows[:-5].copy(), 0)):
            query = normal(seed, DIM)
            trace = own.observe(query, shown, kept, float(seed), runners=runners)
            own.learn(trace, outcomes, float(seed))
    assert learner.ledger.sequences.tobytes() == ledger.sequences.tobytes()
    assert learner.ledger.sequences.tobytes() != alone.ledger.sequences.tobytes()
    for name, array in alone.state().items():
        if not name.startswith("ledger/"):
            assert array.tobytes() == learner.state()[name].tobytes(), name
    for runners in (-1, 3):
        with pytest.raises(ValueError, match=r"rows|runners"):
            learner.observe(None, np.arange(SHOWN), normal(0, 8, COLUMNS), 0.0, runners=runners)


def test_masses_bound_the_evidence_and_share_bounds_the_step() -> None:
    learner, shown = loop(), np.arange(SHOWN)
    outcomes, none = np.eye(SHOWN, dtype=np.float32)[1], np.zeros(SHOWN, np.float32)
    rows = normal(1, SHOWN, COLUMNS)
    for step in range(WARM_UP + 5):
        trace = learner.observe(normal(0, DIM), shown, rows, float(step))
        masses = none if step % 2 else outcomes / 4
        learner.learn(trace, outcomes, 1.0, masses=masses, admit=False, information=0.0)
    assert learner.evidence.mass(1) == 0.25 * (WARM_UP // 2 + 3)
    assert len(learner.evidence.state()["number"]) == WARM_UP // 2 + 3
    assert not learner.model.warm


def test_without_vectors_it_learns_what_needs_none() -> None:
    learner = InstantLearningLoop(
        0, model(), model(evidence=False), Ledger(NAMES, KINDS), Evidence(0), LoopRule()
    )
    outcomes = np.eye(SHOWN, dtype=np.float32)[2]
    for step in range(30):
        rows = normal(step, SHOWN, COLUMNS)
        trace = learner.observe(None, np.arange(SHOWN), rows, float(step), **asked(step))
        learner.learn(trace, outcomes, float(step))
    assert learner.evidence.mass(2) == 30
    assert learner.model.warm
    assert learner.adapter.updates == 0


def test_a_bad_answer_moves_the_adapter_away_and_an_indifferent_one_not_at_all() -> None:
    shown, query = np.arange(SHOWN), memories()[50].copy()
    outcomes = np.array([0, 1, 0, 0, 0, 0], dtype=np.float32)
    rows = np.zeros((SHOWN, COLUMNS), dtype=np.float32)

    def shift(quality: float, ratio: float = 1.0) -> float:
        learner = loop()
        learner.request(query, shown, rows, outcomes, 0.0, quality=quality, latency_ratio=ratio)
        return float((learner.adapter.apply(query) - query) @ memories()[1])

    assert shift(0.9) > 0 > shift(0.1)
    assert shift(0.55) == 0
    assert shift(0.5, ratio=3.0) < 0


def test_credit_is_gate_times_error_times_eligibility() -> None:
    learner, rule = loop(), LoopRule()
    shown, rows = np.arange(SHOWN), np.zeros((SHOWN, COLUMNS), dtype=np.float32)
    outcomes = np.array([0, 1, 0.5, 1, 0, 0.25], dtype=np.float32)
    trace = learner.observe(memories()[50].copy(), shown, rows, 100.0)
    state = learner.modulators.values
    eligibility = learner.traces.read(shown, 107.0)
    error = learner.learn(trace, outcomes, 107.0, quality=0.5)
    after, signals = reference.modulate_outcome(
        state, rule.modulators, outcomes, np.full(SHOWN, 0.5), eligibility
    )
    assert error == pytest.approx(after["dopamine"], abs=1e-12)
    wanted = reference.read_traces(
        np.array([(1, 1, 100)] * SHOWN, dtype=[("fast", "f4"), ("slow", "f4"), ("last", "f8")]),
        shown,
        107.0,
        rule.traces,
    )
    np.testing.assert_allclose(eligibility, wanted, rtol=1e-6)
    turned = np.linalg.norm(table(learner)[:SHOWN] - memories()[:SHOWN], axis=1)
    assert ((turned > 0) == (signals != 0)).all()


def test_observe_then_learn_equals_request() -> None:
    first, second = loop(), loop()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        shown, rows = rng.permutation(200)[:SHOWN], normal(seed, SHOWN, COLUMNS)
        outcomes = rng.random(SHOWN, dtype=np.float32)
        first.request(normal(seed, DIM), shown, rows, outcomes, float(seed), quality=0.8)
        trace = second.observe(normal(seed, DIM), shown, rows, float(seed))
        if seed % 2:
            trace = second.reopen(normal(seed, DIM), shown, rows)
        second.learn(trace, outcomes, float(seed), quality=0.8)
    assert fingerprint(first) == fingerprint(second)


def test_replay_gives_the_same_state_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        for _ in range(2):
            learner = loop()
            for seed in range(300):
                request(learner, seed, late=seed % 3 == 0)
            states.add(fingerprint(learner))
    assert len(states) == 1


def test_edges_stay_in_bounds_over_many_uses() -> None:
    learner, outcomes = loop(memories(8)), np.zeros(SHOWN, dtype=np.float32)
    rows, query = np.zeros((SHOWN, COLUMNS), dtype=np.float32), normal(1, DIM)
    for step in range(20_000):
        outcomes[:] = 0
        outcomes[step % SHOWN] = step % 3 == 0
        learner.request(query, np.arange(SHOWN), rows, outcomes, 0.1 * step, quality=0.5)
    source, target = np.repeat(np.arange(8), 8), np.tile(np.arange(8), 8)
    weights = learner.edges.weights(source, target)
    assert 0 <= weights.min() <= weights.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(table(learner), axis=1), 1, atol=1e-4)


def test_save_load_continue_equals_not_stopping() -> None:
    whole, first = loop(), loop()
    for seed in range(40):
        request(whole, seed, late=seed % 2 == 0)
    for seed in range(15):
        request(first, seed, late=seed % 2 == 0)
    second = loop(table(first).copy())
    second.load(first.state())
    for seed in range(15, 40):
        request(second, seed, late=seed % 2 == 0)
    assert fingerprint(whole) == fingerprint(second)


def test_what_is_forgotten_is_as_if_never_seen() -> None:
    learner = loop()
    for seed in range(50):
        request(learner, seed, late=True)
    learner.forget(7)
    assert learner.evidence.mass(7) == 0
    assert learner.values.counts(np.array([7])) == 0
    assert not learner.traces.read(np.array([7]), 50.0).any()
    sources, targets, _, _ = learner.edges.edges()
    assert 7 not in sources
    assert 7 not in targets
    with pytest.raises(ValueError, match="handle"):
        learner.forget(200)


def test_a_trace_is_closed_once_and_belongs_to_its_loop() -> None:
    learner, other = loop(), loop()
    outcomes, rows = np.ones(SHOWN, np.float32), np.zeros((SHOWN, COLUMNS), np.float32)
    trace = learner.observe(normal(0, DIM), np.arange(SHOWN), rows, 0.0)
    with pytest.raises(UnknownTraceError, match="another"):
        other.learn(trace, outcomes, 9.0)
    learner.learn(trace, outcomes, 9.0)
    assert trace.closed
    with pytest.raises(UnknownTraceError, match="closed"):
        learner.learn(trace, outcomes, 9.0)
    assert learner.trajectories.counts["recorded"] == 1


def test_the_loop_refuses_before_it_changes() -> None:
    learner = loop()
    query, shown = normal(0, DIM), np.arange(SHOWN)
    rows, outcomes = normal(1, SHOWN, COLUMNS), np.ones(SHOWN, dtype=np.float32)
    trace = learner.observe(query, shown, rows, 0.0)
    before = fingerprint(learner)
    with pytest.raises(TypeError):
        learner.observe(query.astype(float), shown, rows, 0.0)
    with pytest.raises(TypeError, match="terms"):
        learner.observe(query, shown, rows, 0.0, terms=asked(0)["terms"])
    with pytest.raises(ValueError, match="shown"):
        learner.observe(query, shown + 195, rows, 0.0)
    with pytest.raises(ValueError, match="rows"):
        learner.observe(query, shown, rows[:, :4].copy(), 0.0)
    with pytest.raises(ValueError, match="NaN"):
        learner.observe(query, shown, rows * np.float32("nan"), 0.0)
    with pytest.raises(ValueError, match="anchor"):
        learner.observe(query, shown, rows, 0.0, anchor=200)
    for wrong, named in (
        ({"outcomes": outcomes * 2}, "outcomes"),
        ({"outcomes": outcomes[:3]}, "one per shown"),
        ({"masses": -outcomes}, "masses"),
        ({"quality": 1.5}, "quality"),
        ({"now": float("inf")}, "now"),
        ({"information": float("nan")}, "information"),
        ({"vectors": normal(0, SHOWN, DIM + 1)}, "vectors"),
    ):
        given: dict[str, Any] = {"outcomes": outcomes, "now": 0.0, **wrong}
        with pytest.raises(ValueError, match=named):
            learner.learn(trace, **given)
    assert fingerprint(learner) == before
    assert not trace.closed
    with pytest.raises(ConfigError, match="columns"):
        InstantLearningLoop(
            DIM, model(), model(), Ledger(NAMES[:4], KINDS[:4]), Evidence(DIM), LoopRule()
        )
    with pytest.raises(ConfigError, match="adapter_rate"):
        LoopRule(adapter_rate=0)


def test_threads_may_learn_at_once() -> None:
    learner = loop()

    def work(seed: int) -> None:
        for step in range(200):
            request(learner, 1000 * seed + step, late=step % 2 == 0)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert learner.modulators.values["outcomes"] == 800
    told = 800 * SHOWN - 400
    assert learner.values.counts(np.arange(200)).sum() == told
    assert learner.signals.counts["recorded"] == 800
    assert learner.evidence.state()["next"] == 800


def test_threads_learn_read_drain_save_and_forget_at_once() -> None:
    learner, teaching, failed = loop(), threading.Event(), []
    handles = np.arange(200)
    asked = np.arange(3, dtype=np.int32), np.ones(3, np.float32), np.ones(3, np.float32)

    def teach(seed: int) -> None:
        for step in range(150):
            request(learner, 1000 * seed + step, late=step % 2 == 0)

    def read(step: int) -> None:
        assert (np.abs(learner.values.expected(handles)) <= 1).all()
        assert np.isfinite(learner.traces.read(handles, float(step))).all()
        similar = learner.evidence.similarity(0, normal(step, DIM), *asked)
        assert np.isfinite(similar.kernel()).all()
        learner.trajectories.drain(8)
        learner.signals.drain(8)

    def forget(step: int) -> None:
        learner.forget(step % 200)

    def save(step: int) -> None:
        state = learner.state()
        assert np.isfinite(state["model/weights"]).all()
        assert (state["evidence/mass"] > 0).all()

    def until_taught(work: Callable[[int], None]) -> None:
        try:
            for step in itertools.count():
                work(step)
                if teaching.is_set():
                    break
        except BaseException as error:
            failed.append(error)

    teachers = [threading.Thread(target=teach, args=(seed,)) for seed in range(2)]
    others = [threading.Thread(target=until_taught, args=(work,)) for work in (read, forget, save)]
    for thread in (*teachers, *others):
        thread.start()
    for thread in teachers:
        thread.join()
    teaching.set()
    for thread in others:
        thread.join()
    assert not failed
    assert learner.evidence.state()["next"] == learner.signals.counts["recorded"] == 300
    for handle in handles.tolist():
        learner.forget(handle)
    assert len(learner.edges) == 0
    assert learner.evidence.state()["handle"].size == 0


def test_threads_that_keep_the_gil_and_those_that_release_it_exclude_each_other() -> None:
    learner, others, failed = loop(), threading.Event(), []
    long = normal(1, 4000, COLUMNS)

    def learn_long_lists() -> None:
        for step in range(60):
            trace = learner.observe(normal(step, DIM), np.arange(SHOWN), long, float(step))
            learner.learn(trace, np.ones(SHOWN, np.float32), float(step))

    def learn_short_lists() -> None:
        for step in range(600):
            request(learner, step, late=step % 2 == 0)

    def compare() -> None:
        told = asked(1)
        while not others.is_set():
            similar = learner.evidence.similarity(0, normal(2, DIM), *told.values())
            if not np.isfinite(similar.kernel()).all():
                failed.append("kernel")

    teachers = [threading.Thread(target=f) for f in (learn_long_lists, learn_short_lists)]
    reader = threading.Thread(target=compare)
    for thread in (*teachers, reader):
        thread.start()
    for thread in teachers:
        thread.join()
    others.set()
    reader.join()
    assert not failed
    assert learner.signals.counts["recorded"] == learner.evidence.state()["next"] == 660
    assert learner.modulators.values["outcomes"] == 660


def test_tables_grow_while_other_threads_learn() -> None:
    learner = InstantLearningLoop(
        DIM,
        model(),
        model(evidence=False),
        Ledger(NAMES, KINDS),
        Evidence(DIM),
        LoopRule(),
        max_edges=1 << 16,
    )

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for step in range(300):
            shown = rng.choice(100 * (step + 1), SHOWN, replace=False).astype(np.int64)
            rows, vectors = normal(step, SHOWN, COLUMNS), normal(step, SHOWN, DIM)
            trace = learner.observe(normal(step, DIM), shown, rows, float(step))
            learner.learn(trace, np.ones(SHOWN, np.float32), float(step), vectors=vectors)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert learner.values.counts(np.arange(30_000)).sum() == 4 * 300 * SHOWN
    _, _, weights, _ = learner.edges.edges()
    assert 0 < weights.min() <= weights.max() <= 1
