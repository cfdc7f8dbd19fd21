from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.policy.feedback_text import Cue, PhraseTable, phrase_table, split_words

TABLE = PhraseTable(
    [
        "positive\ten\tright | that's right | good",
        "negative\ten\twrong | not right",
        "neutral\ten\tright now",
        "confusion\ten\t=what",
        "negator\ten\tnot | don't",
        "contrast\ten\tbut",
    ]
)


def kinds(text: str) -> list[str]:
    return [cue.kind for cue in TABLE.find(split_words(text))]


def test_words_emoji_signs_and_emoticons_are_split() -> None:
    assert split_words("I Don’t know!") == ["i", "don't", "know", "!"]
    assert split_words("👍👍 :) <3") == ["👍", "👍", ":)", "<3"]
    assert split_words("谢谢 ok") == ["谢", "谢", "ok"]
    assert split_words("❤️") == ["❤"]
    assert split_words("what???") == ["what", "???"]


@given(text=st.text())
def test_any_text_is_split_and_searched(text: str) -> None:
    words = split_words(text)
    assert all(words)
    assert all(0 <= cue.start < len(words) for cue in phrase_table().find(words))


def test_the_longest_phrase_wins() -> None:
    assert TABLE.find(["that's", "right", "now"]) == [Cue(0, 2, "positive")]
    assert TABLE.find(["right", "now"]) == [Cue(0, 2, "neutral")]


def test_a_whole_phrase_must_be_all_that_is_said() -> None:
    assert kinds("What?") == ["confusion"]
    assert kinds("what now") == []


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
    ],
)
def test_negation_reaches_to_the_end_of_its_clause(text: str, found: list[str]) -> None:
    assert kinds(text) == found


def test_what_is_asked_is_not_said() -> None:
    assert kinds("is that good?") == ["asked"]
    assert kinds("good. is that wrong?") == ["positive", "asked"]


def test_the_table_that_ships_reads_every_line() -> None:
    assert [cue.kind for cue in phrase_table().find(split_words("merci beaucoup"))] == ["positive"]
    assert [cue.kind for cue in phrase_table().find(split_words("не понимаю"))] == ["confusion"]
