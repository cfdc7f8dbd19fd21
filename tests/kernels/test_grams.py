from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.arrays import I8Array
from engrain.kernels import CUES, PhraseTable, reference

ENTRIES = [
    ("positive", "right", False),
    ("positive", "that's right", False),
    ("positive", "good", False),
    ("positive", ":)", False),
    ("negative", "wrong", False),
    ("negative", "not right", False),
    ("neutral", "right now", False),
    ("confusion", "what", True),
    ("confusion", "what now", True),
    ("negator", "not", False),
    ("negator", "don't", False),
    ("contrast", "but", False),
    ("positive", "谢 谢", False),
    ("negative", "right", False),
    ("filler", "uh", False),
    ("filler", "but", False),
    ("filler", ",", False),
    ("judging", "good", False),
    ("judging", "wrong", False),
]


def table() -> PhraseTable:
    held = PhraseTable()
    for cue, phrase, whole in ENTRIES:
        held.add(cue, phrase, whole)
    return held


TABLE = table()
WORDS = ["that's", "right", "good", "wrong", "not", "don't", "but", "what", "now", "?", ",", "uh"]
said = st.one_of(
    st.text(st.sampled_from("aA'?:;)(-o>^<3_d/. \x1c\x01b"), max_size=24),
    st.text(st.characters(max_codepoint=127), max_size=24),
    st.lists(
        st.sampled_from(WORDS),
        max_size=12,
    ).map(" ".join),
    st.lists(st.sampled_from(["谢", "é", "？", "not", "👍", "right", "。"]), max_size=9).map(
        " ".join
    ),
)


def signs(rows: int) -> I8Array:
    return np.random.default_rng(7).integers(-127, 128, (rows, 4)).astype(np.int8)


@settings(max_examples=300)
@given(text=said)
def test_find_phrases_agrees_with_its_oracle(text: str) -> None:
    assert TABLE.find(text) == reference.find_phrases(text, ENTRIES)


@settings(max_examples=300)
@given(text=said, previous=said)
def test_read_utterance_agrees_with_its_oracle(text: str, previous: str) -> None:
    features, cues = TABLE.read(text, previous)
    expected, counted = reference.read_utterance(text, previous, ENTRIES)
    assert features.tolist() == expected.tolist()
    assert cues == counted


@settings(max_examples=60)
@given(text=said, rows=st.sampled_from([1, 2, 64, 4096]))
def test_score_utterance_agrees_with_its_oracle(text: str, rows: int) -> None:
    codes, weights = signs(rows), np.random.default_rng(1).standard_normal((15, 4)) / 8
    got, cues = TABLE.score(text, "", codes, weights)
    counts = [cues.get(name, 0) for name in CUES]
    exact = reference.score_utterance(TABLE.read(text, "")[0], counts, codes, weights)
    if reference.read_utterance(text, "", [])[0].size > 8:
        np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-15)
    else:
        assert got == (0.0,) * 4


def test_the_longest_phrase_wins() -> None:
    assert TABLE.find("that's right now") == [(0, 2, "positive")]
    assert TABLE.find("right now") == [(0, 2, "neutral")]


def test_a_whole_phrase_must_be_all_that_is_said() -> None:
    assert TABLE.find("What?") == [(0, 2, "confusion")]
    assert TABLE.find("what a table") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("not good", ["negator", "negative"]),
        ("not so very good", ["negator", "negative"]),
        ("not one two three four good", ["negator", "positive"]),
        ("not now, good", ["negator", "positive"]),
        ("not wrong", ["negator", "softened"]),
        ("don't know but good", ["negator", "contrast", "positive"]),
        ("not right", ["negative"]),
        ("is that good?", ["asked"]),
        ("good. is that wrong?", ["positive", "asked"]),
    ],
)
def test_negation_and_questions_turn_what_is_in_their_clause(text: str, found: list[str]) -> None:
    assert [cue for _, _, cue in TABLE.find(text)] == found


def test_the_order_of_words_and_what_was_said_before_matter() -> None:
    assert set(TABLE.read("not good", "")[0]) != set(TABLE.read("good not", "")[0])
    assert set(TABLE.read("good", "is it?")[0]) != set(TABLE.read("good", "")[0])


def test_bad_phrases_and_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="no class of phrases: 'joy'"):
        TABLE.add("joy", "hurrah", False)
    with pytest.raises(ValueError, match="at least one word"):
        TABLE.add("positive", "  ", False)
    weights = np.zeros((15, 4))
    with pytest.raises(ValueError, match="power of two"):
        TABLE.score("a", "", signs(3), weights)
    with pytest.raises(ValueError, match="2 dimensions"):
        TABLE.score("a", "", signs(4)[0], weights)
    with pytest.raises(ValueError, match="expected shape"):
        TABLE.score("a", "", signs(4), weights[1:])
    with pytest.raises(TypeError):
        TABLE.score("a", "", signs(4).astype(np.float32), weights)
