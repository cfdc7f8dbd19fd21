"""The columns of the static index that read context, against their re-implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, F64Array
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.index import StaticIndex, unit_rows
from tests.memory.collection import DIM, as_handles
from tests.memory.conversation import Context, Turn, closeness, mentions, talk
from tests.strategies import normal, seeds

QUESTION = "What wing did Melanie lift, how many days of drag"


def column(index: StaticIndex, text: str, name: str, scope: int = 0) -> F32Array:
    vectors = [None] * len(index.dims)
    block = index.search(text, vectors, scope).gather(index.members(scope))
    return block.x[:, block.names.index(name)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, n=st.integers(3, 50), removed=st.integers(0, 12))
def test_sequences_agree_with_the_oracle_after_removals_and_in_scopes(
    seed: int, n: int, removed: int
) -> None:
    index, told = talk(seed, n)
    rng = np.random.default_rng(seed)
    scope = index.scope(as_handles(sorted(rng.choice(n, n // 2 + 1, replace=False).tolist())))
    for handle in rng.permutation(n)[: min(removed, n - 2)].tolist():
        index.remove(handle)
        del told[handle]
    vector = unit_rows(normal(seed + 1, 1, DIM))[0]
    for number in (0, scope):
        members = index.members(number)
        search = index.search(QUESTION, [vector], number)
        block = search.gather(members)
        bm25, cosine = (block.x[:, i].astype(np.float64) for i in (0, 1))
        expected = Context(told, members.tolist()).rows(QUESTION, bm25, cosine)
        expected["x:winbm"] /= search.bm25_sd
        for name, values in expected.items():
            found = block.x[:, block.names.index(name)]
            np.testing.assert_allclose(found, values, atol=2e-3, err_msg=name)


def live(index: StaticIndex, told: dict[int, Turn]) -> list[Turn]:
    return [told[handle] for handle in index.members(0).tolist()]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("what did melanie say", "Melanie"),
        ("What did Mel say", "Melanie"),
        ("when did José swim", "José María"),
        ("did Caroline or Carolin", "Caroline"),
    ],
)
def test_a_question_that_names_one_source_prefers_it(question: str, name: str) -> None:
    index, told = talk(3, 60)
    named = [0 if t.source is None else 1 if t.source == name else -1 for t in live(index, told)]
    np.testing.assert_array_equal(column(index, question, "x:src"), named)
    word = name.split(maxsplit=1)[0]
    said = [mentions(t.text, t.source, word) for t in live(index, told)]
    np.testing.assert_array_equal(column(index, question, "x:men"), said)


@pytest.mark.parametrize("question", ["Melanie or Caroline", "who said wing", "me", ""])
def test_a_question_that_names_several_or_none_prefers_nobody(question: str) -> None:
    index, _ = talk(3, 60)
    assert not column(index, question, "x:src").any()
    assert not column(index, question, "x:men").any()


def test_only_sources_of_the_scope_are_named() -> None:
    index = StaticIndex()
    for handle, source in enumerate(["Melanie", "Caroline", "Melissa"]):
        index.add(handle, "wing", [], -1, source)
    assert not column(index, "mel", "x:src").any()
    scope = index.scope(as_handles([0, 1]))
    np.testing.assert_array_equal(column(index, "mel", "x:src", scope), [1, -1])
    index.remove(2)
    np.testing.assert_array_equal(column(index, "mel", "x:src"), [1, -1])
    index.add(3, "wing", [], -1, "Zoe")
    np.testing.assert_array_equal(column(index, "zoe", "x:src"), [-1, -1, 1])


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("on 7 May 2023", (2023, 5, 7)),
        ("on the 7th of May, 2023", (2023, 5, 7)),
        ("May 7th 2023?", (2023, 5, 7)),
        ("in June of 2023", (2023, 6, 0)),
        ("since 2023-02-28", (2023, 2, 28)),
        ("in september", (0, 9, 0)),
        ("sept 30", (0, 9, 30)),
        ("31 december", (0, 12, 31)),
        ("in 2022", (2022, 0, 0)),
        ("March 2023", (2023, 3, 0)),
    ],
)
def test_dates_are_found_and_compared(question: str, asked: tuple[int, int, int]) -> None:
    index, told = talk(9, 80)
    expected = [closeness(asked, t.time) for t in live(index, told)]
    np.testing.assert_allclose(column(index, question, "x:date"), expected, atol=1e-6)
    assert max(expected) > 0.2


@pytest.mark.parametrize("question", ["may I march", "12345", "what", "1899", "on mar or jan"])
def test_what_is_no_date_counts_nothing(question: str) -> None:
    index, _ = talk(9, 80)
    assert not column(index, question, "x:date").any()


def expected_form(index: StaticIndex, told: dict[int, Turn], sign: str) -> F64Array:
    return np.array([sign in turn.text for turn in live(index, told)], dtype=float)


def test_questions_of_time_and_number_meet_texts_that_have_them() -> None:
    index, told = talk(4, 60)
    digit, week = expected_form(index, told, "3"), expected_form(index, told, "week")
    times = np.maximum(digit, week)  # "in 3 days", "last week"
    np.testing.assert_array_equal(column(index, "When was it", "x:when_time"), times)
    np.testing.assert_array_equal(column(index, "how long", "x:when_time"), times)
    np.testing.assert_array_equal(column(index, "how many", "x:num_digit"), digit)
    np.testing.assert_array_equal(column(index, "how long", "x:num_digit"), digit)
    assert not column(index, "how many", "x:when_time").any()
    assert not column(index, "when", "x:num_digit").any()


def test_without_context_the_columns_are_zero() -> None:
    index = StaticIndex([DIM])
    vectors = unit_rows(normal(2, 20, DIM))
    for handle in range(20):
        index.add(handle, "wing 3 today?", [vectors[handle]])
    block = index.search("wing of melanie on 3 may", [vectors[0]]).gather(index.members(0))
    first = block.names.index("x:winbm")
    context = list(range(first, block.names.index("x:pos") + 1))
    assert len(context) == 15
    assert not block.x[:, context].any()


def rows(index: StaticIndex, question: str) -> bytes:
    vector = unit_rows(normal(1, 1, DIM))[0]
    return index.search(question, [vector]).gather(index.members(0)).x.tobytes()


@pytest.mark.parametrize("n", [40, 1200])
def test_context_is_equal_bit_for_bit_at_every_level(n: int) -> None:
    prints = set()
    for level in LEVELS:
        set_simd_level(level)
        prints.add(rows(talk(5, n)[0], QUESTION + " on 7 May 2023"))
    assert len(prints) == 1


def test_a_rebuilt_index_has_the_same_context() -> None:
    index, told = talk(6, 200)
    for handle in range(0, 200, 3):
        index.remove(handle)
        del told[handle]
    again = StaticIndex([DIM])
    for handle, turn in told.items():
        again.add(handle, turn.text, [turn.vector], turn.sequence, turn.source, turn.time)
    assert rows(index, QUESTION) == rows(again, QUESTION)


def test_bad_sources_and_times_are_refused() -> None:
    index = StaticIndex()
    with pytest.raises(TypeError, match="source"):
        index.add(0, "wing", [], -1, b"Mel")  # type: ignore[arg-type]
    index.add(0, "wing", [], -1, "Mel", float("inf"))
    assert not column(index, "in May 2023", "x:date").any()


def test_sessions_follow_what_is_added_and_removed() -> None:
    index, _ = talk(11, 40)
    column(index, QUESTION, "x:sessbm")
    vector = unit_rows(normal(1, 1, DIM))[0]
    index.add(index.handles, "a wing at last", [vector], sequence=0, source="Melanie")
    index.remove(int(index.members(0)[0]))
    members = index.members(0)
    scope = index.scope(members)
    for name in ("x:sessbm", "x:sessmax"):
        np.testing.assert_array_equal(
            column(index, QUESTION, name), column(index, QUESTION, name, scope)
        )
