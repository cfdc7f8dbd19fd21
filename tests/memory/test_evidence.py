from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.errors import UnknownIdError
from engrain.kernels import reference
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.evidence import Evidence
from tests.memory.worlds import Asked, World
from tests.strategies import seeds


def equal(a: dict[str, np.ndarray[Any, Any]], b: dict[str, np.ndarray[Any, Any]]) -> bool:
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a
    )


SUMS = ("handle", "mass", "length", "sum", "count_end", "count_term", "count_value")


def sums(evidence: Evidence) -> dict[str, np.ndarray[Any, Any]]:
    state = evidence.state()
    return {name: state[name] for name in SUMS}


@settings(max_examples=30, deadline=None)
@given(seed=seeds, victim=st.integers(0, 11))
def test_a_removed_question_leaves_the_sums_as_if_it_had_never_come(seed: int, victim: int) -> None:
    world, full, without = World(seed), Evidence(24), Evidence(24)
    questions = [world.question() for _ in range(12)]
    numbers = [world.add(full, q) for q in questions]
    for i, question in enumerate(questions):
        if i != victim:
            world.add(without, question)
    full.remove(numbers[victim])
    assert equal(sums(full), sums(without))
    probe = world.question()
    assert world.features(full, probe).tobytes() == world.features(without, probe).tobytes()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, left_out=st.integers(0, 11))
def test_leaving_a_question_out_equals_evidence_without_it(seed: int, left_out: int) -> None:
    world, full, without = World(seed), Evidence(24), Evidence(24)
    questions = [world.question() for _ in range(12)]
    for i, question in enumerate(questions):
        world.add(full, question)
        if i != left_out:
            world.add(without, question)
    asked = questions[left_out]
    got = world.features(full, asked, exclude=left_out)
    assert got.tobytes() == world.features(without, asked).tobytes()


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_what_did_not_help_is_known_where_the_same_is_asked_again(seed: int) -> None:
    world, evidence = World(seed), Evidence(24)
    asked = world.question()
    while asked.query is None or not len(asked.terms):
        asked = world.question()
    world.add(evidence, asked)
    passed = world.features(evidence, asked)[:, 7]
    np.testing.assert_allclose(passed[asked.passed], 1.0, atol=0.05)
    assert np.count_nonzero(passed) == len(asked.passed)
    similar = evidence.similarity(
        asked.scope, asked.query, asked.terms, asked.counts, world.idf[asked.terms]
    )
    assert sorted(evidence.propose(similar, 20).tolist()) == sorted(asked.handles.tolist())


def test_removing_twice_names_the_question() -> None:
    world, evidence = World(0), Evidence(24)
    number = world.add(evidence, world.question())
    evidence.remove(number)
    with pytest.raises(UnknownIdError, match=str(number)):
        evidence.remove(number)


def test_state_and_load_are_the_same_bytes() -> None:
    world, evidence, again = World(1), Evidence(24, questions=8), Evidence(24, questions=8)
    for _ in range(20):
        world.add(evidence, world.question())
    evidence.set_ridge(evidence.refit_ridge())
    again.load(evidence.state())
    assert equal(again.state(), evidence.state())
    probe = world.question()
    assert world.features(again, probe).tobytes() == world.features(evidence, probe).tobytes()


def as_past(world: World, asked: Asked) -> reference.evidence.Past:
    idf = world.idf[asked.terms]
    return reference.evidence.Past(
        asked.scope,
        asked.query,
        asked.terms,
        asked.counts,
        idf,
        asked.handles,
        asked.masses,
        asked.passed,
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=seeds, n=st.integers(0, 14))
def test_features_agree_with_their_oracle(simd: str, seed: int, n: int) -> None:
    world, evidence = World(seed), Evidence(24)
    questions = [world.question() for _ in range(n)]
    for question in questions:
        world.add(evidence, question)
    evidence.set_ridge(ridge := evidence.refit_ridge())
    asked = world.question()
    expected = reference.evidence_features(
        as_past(world, asked),
        [as_past(world, question) for question in questions],
        average_length=float(world.length.mean()),
        bm25_sd=1.5,
        handles=np.arange(world.memories),
        static=world.static(asked),
        centred=world.vectors,
        tf=world.tf[:, asked.terms],
        length=world.length,
        ridge=ridge,
    )
    np.testing.assert_allclose(world.features(evidence, asked), expected, atol=2e-6)


def test_the_kernel_of_questions_agrees_with_its_oracle() -> None:
    world, evidence = World(4), Evidence(24)
    questions = [world.question() for _ in range(20)]
    for question in questions:
        world.add(evidence, question)
    asked = world.question()
    similar = evidence.similarity(
        asked.scope, asked.query, asked.terms, asked.counts, world.idf[asked.terms]
    )
    expected = [
        reference.question_kernel(as_past(world, asked), as_past(world, past)) for past in questions
    ]
    np.testing.assert_allclose(similar.kernel(), expected, atol=1e-6)


def test_features_are_equal_bit_for_bit_at_every_level() -> None:
    world, results = World(5, dim=45), set()
    questions = [world.question() for _ in range(40)]
    for level in LEVELS:
        set_simd_level(level)
        evidence = Evidence(45)
        for question in questions:
            world.add(evidence, question)
        evidence.set_ridge(world.unit(45) * 0 + np.eye(45, dtype=np.float32))
        rows = [world.features(evidence, q, i).tobytes() for i, q in enumerate(questions)]
        state = [array.tobytes() for array in evidence.state().values()]
        results.add((*rows, *state))
    set_simd_level(LEVELS[-1])
    assert len(results) == 1


def test_the_ridge_leaves_a_question_out_as_if_refitted_without_it() -> None:
    world, full, without = World(6), Evidence(24), Evidence(24)
    questions = [world.question() for _ in range(40)]
    chosen = next(i for i, q in enumerate(questions) if q.query is not None and len(q.handles))
    for i, question in enumerate(questions):
        world.add(full, question)
        if i != chosen:
            world.add(without, question)
    for evidence in (full, without):
        evidence.set_ridge(evidence.refit_ridge())
    got = world.features(full, questions[chosen], exclude=chosen)
    expected = world.features(without, questions[chosen])
    np.testing.assert_allclose(got[:, 0], expected[:, 0], atol=1e-5)
    assert got[:, 1:].tobytes() == expected[:, 1:].tobytes()


def test_an_evicted_question_stops_resembling_but_keeps_its_credit() -> None:
    world, evidence = World(7), Evidence(24, questions=2)
    first = world.question(scopes=1)
    while first.query is None or not len(first.handles):
        first = world.question(scopes=1)
    number = world.add(evidence, first)
    assert world.features(evidence, first)[first.handles, 4].min() > 0
    for _ in range(2):
        other = world.question(scopes=1)
        other.handles, other.masses = other.handles[:0], other.masses[:0]
        world.add(evidence, other)
    after = world.features(evidence, first)
    assert number not in evidence
    assert not after[:, 4].any()
    assert after[first.handles, 1].min() > 0


def test_a_forgotten_memory_leaves_nothing() -> None:
    world, evidence, never = World(8), Evidence(24), Evidence(24)
    for _ in range(15):
        question = world.question()
        world.add(evidence, question)
        keep = question.handles != 3
        question.handles, question.masses = question.handles[keep], question.masses[keep]
        world.add(never, question)
    evidence.forget(3)
    assert evidence.mass(3) == 0
    assert equal(sums(evidence), sums(never))
    probe = world.question()
    features = world.features(evidence, probe)[3]
    assert features[[*range(1, 7), 8]].tolist() == [0] * 7


def test_proposals_are_the_nearest_first() -> None:
    world, evidence = World(9, memories=200), Evidence(24)
    for _ in range(60):
        world.add(evidence, world.question(scopes=1))
    asked = world.question(scopes=1)
    idf = world.idf[asked.terms]
    similar = evidence.similarity(0, asked.query, asked.terms, asked.counts, idf)
    proposed = evidence.propose(similar, 20)
    features = world.features(evidence, asked)
    assert len(proposed) == len(set(proposed.tolist()))
    for column in (4, 5):
        best = np.sort(features[:, column])[::-1][:20]
        assert features[proposed, column].min() >= 0
        assert set(np.flatnonzero(features[:, column] > best[-1])) <= set(proposed.tolist())
    assert (np.diff(features[proposed[:20], 4]) <= 0).all()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, before=st.integers(0, 12))
def test_praise_lowers_no_value_of_the_praised(seed: int, before: int) -> None:
    world, evidence = World(seed, memories=6), Evidence(24)
    for _ in range(before):
        world.add(evidence, world.question(scopes=1))
    praise = world.question(scopes=1)
    probes = [praise, *(world.question(scopes=1) for _ in range(4))]
    first = [world.features(evidence, probe)[praise.handles] for probe in probes]
    world.add(evidence, praise)
    of = {name: column for column, name in enumerate(Evidence.NAMES)}
    for probe, was in zip(probes, first, strict=True):
        now = world.features(evidence, probe)[praise.handles]
        for name in ("e:count", "e:near", "e:share", "e:alike"):
            assert (now[:, of[name]] >= was[:, of[name]]).all(), name
        assert (now[:, of["e:passed"]] <= was[:, of["e:passed"]]).all()


def test_a_question_of_little_mass_hardly_dilutes_the_share_of_others() -> None:
    world, shares = World(3), []
    for mass in (1e-6, 1.0):
        evidence = Evidence(24)
        asked = Asked(
            0,
            world.vectors[0],
            np.arange(2, dtype=np.int32),
            np.ones(2, dtype=np.float32),
            np.array([4]),
            np.ones(1, dtype=np.float32),
            np.empty(0, np.int64),
        )
        world.add(evidence, asked)
        asked.handles, asked.masses = np.array([5]), np.array([mass], dtype=np.float32)
        world.add(evidence, asked)
        shares.append(float(world.features(evidence, asked)[4, 5]))
    assert shares[0] > 0.95
    assert shares[1] < 0.55


def test_bad_input_is_refused_by_name_before_anything_changes() -> None:
    world, evidence = World(2), Evidence(24)
    good = world.question(vector=False)
    world.add(evidence, good)
    before = evidence.state()
    one = np.array([1], dtype=np.int64)
    empty = (np.empty(0, np.int32), np.empty(0, np.float32))
    cases: list[tuple[Any, Any, Any, str]] = [
        (np.zeros(7, np.float32), one, np.ones(1, np.float32), "query"),
        (None, -one, np.ones(1, np.float32), "handles"),
        (None, one, np.zeros(1, np.float32), "masses"),
        (None, one, np.full(1, np.nan, np.float32), "masses"),
        (None, np.array([1, 1]), np.ones(2, np.float32), "twice"),
        (None, one, np.ones(2, np.float32), "masses"),
    ]
    with pytest.raises(ValueError, match="passed"):
        evidence.add(0, None, *empty, one, np.ones(1, np.float32), None, empty[1], -one)
    for query, handles, masses, name in cases:
        with pytest.raises(ValueError, match=name):
            evidence.add(0, query, *empty, handles, masses, None, empty[1])
    with pytest.raises(TypeError, match="float32"):
        evidence.add(0, np.zeros(24), *empty, one, np.ones(1, np.float32), None, empty[1])  # type: ignore[arg-type]
    similar = evidence.similarity(0, None, *empty, empty[1])
    world.add(evidence, good)
    with pytest.raises(ValueError, match="similarity"):
        evidence.propose(similar)
    evidence.remove(1)
    after = evidence.state()
    after["next"] = before["next"]
    assert equal(after, before)
    with pytest.raises(ValueError, match="state"):
        Evidence(24).load({**before, "handle": before["handle"][:0]})
    with pytest.raises(ValueError, match="dim"):
        Evidence(-1)


def test_a_full_ring_compares_with_its_last_questions_alone() -> None:
    world, small, fresh = World(9), Evidence(24, questions=6), Evidence(24, questions=6)
    questions = [world.question() for _ in range(20)]
    for question in questions:
        world.add(small, question)
    for question in questions[-6:]:
        world.add(fresh, question)
    asked = questions[-1]
    idf = world.idf[asked.terms]
    kernels = [
        np.sort(e.similarity(asked.scope, asked.query, asked.terms, asked.counts, idf).kernel())
        for e in (small, fresh)
    ]
    assert kernels[0].tobytes() == kernels[1].tobytes()
    assert kernels[0].any()
