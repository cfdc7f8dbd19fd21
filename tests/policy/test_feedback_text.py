from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engrain.kernels.reference.phrases import _split_words as split_by_oracle
from engrain.policy.feedback_text import phrase_table, read_table, readable, split_words


def test_words_emoji_signs_and_emoticons_are_split() -> None:
    assert split_words("I Don’t know!") == ["i", "don't", "know", "!"]
    assert split_words("👍👍 :) <3") == ["👍", "👍", ":)", "<3"]
    assert split_words("谢谢 ok") == ["谢", "谢", "ok"]
    assert split_words("❤️") == ["❤"]
    assert split_words("what???") == ["what", "???"]


@given(text=st.text())
def test_any_text_is_read_as_its_words(text: str) -> None:
    words = split_words(text)
    assert split_by_oracle(readable(text)) == words
    assert all(0 <= start < len(words) for start, _, _ in phrase_table().find(readable(text)))


def test_a_table_is_read_with_whole_phrases_apart() -> None:
    table = read_table(["confusion\ten\t=what | huh?", "positive\tzh\t谢谢"])
    assert table.find("What!") == [(0, 2, "confusion")]
    assert table.find("what else, huh?") == [(3, 2, "confusion")]
    assert table.find(readable("谢谢")) == [(0, 2, "positive")]


def test_the_table_that_ships_reads_every_language() -> None:
    assert [cue for _, _, cue in phrase_table().find("merci beaucoup")] == ["positive"]
    assert [cue for _, _, cue in phrase_table().find(readable("не понимаю"))] == ["confusion"]
