from __future__ import annotations

from pathlib import Path

from engrain.policy.feedback_corpora import (
    Example,
    meetings,
    own_sentences,
    reactions,
    satisfaction,
    split_conversations,
    telephone,
)
from engrain.policy.feedback_text import KINDS


def test_own_sentences_cover_every_kind_and_none() -> None:
    sentences = own_sentences()
    by_kind = {kind: sum(kind in s.kinds for s in sentences) for kind in KINDS}
    assert min(by_kind.values()) > 60
    assert sum(not s.kinds for s in sentences) > 150
    assert len({s.text for s in sentences}) > 0.9 * len(sentences)


def test_conversations_are_never_torn_apart() -> None:
    examples = [Example(str(i), "", frozenset(), f"c{i % 10}") for i in range(40)]
    train, held = split_conversations(examples)
    assert {e.conversation for e in held} == {"c0", "c5"}
    assert not {e.conversation for e in train} & {e.conversation for e in held}


def test_corpora_are_read(data: Path) -> None:
    assert len(meetings(data)) == 75067
    assert len(telephone(data)) == 7350
    assert len(satisfaction(data)) == 22359
    turns = reactions(data)
    assert 300 < len(turns) < 573
    assert {kind for turn in turns for kind in turn.kinds} == {
        "negative", "correction", "confusion",
    }  # fmt: skip
