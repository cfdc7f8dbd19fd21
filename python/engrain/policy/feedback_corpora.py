"""Labelled utterances from which the feedback model learns, and on which it is measured."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from engrain.policy.feedback_model import prior_logits
from engrain.policy.feedback_text import KINDS, phrase_table, readable

_REACTIONS = {
    "Make Aware With Correction": {"correction"},
    "Make Aware Without Correction": {"negative"},
    "Ask for Clarification": {"confusion"},
    "Ignore and Continue": set[str](),
    "none": set[str](),
}
_ACTS = {
    "praise": "positive",
    "reject": "negative",
    "correction": "correction",
    "confusion": "confusion",
}


class Example(NamedTuple):
    """One utterance, the one before it, its kinds, and the conversation it is from."""

    text: str
    previous: str
    kinds: frozenset[str]
    conversation: str


def own_sentences() -> list[Example]:
    """Return the sentences written for this package, in twelve languages."""
    file = resources.files("engrain.policy").joinpath("feedback_sentences.tsv")
    found = []
    for line in file.read_text("utf-8").splitlines():
        kinds, texts = line.split("\t")
        labels = frozenset(kinds.split("+")) & frozenset(KINDS)
        found += [Example(text, "", labels, "own") for text in texts.split(" | ")]
    return found


def reactions(folder: Path) -> list[Example]:
    """Return user turns after a system's error and without one (UKP, Apache-2.0).

    Turns labelled "none" are kept where the table of phrases is silent: some of them thank or
    refuse, which that labelling does not record.
    """
    found = []
    for row in _rows(folder / "feedback_reactions_ukp" / "reactions.jsonl.gz"):
        kinds = _REACTIONS.get(row["reaction"])
        if kinds is None or (not kinds and _table_speaks(row["text"])):
            continue
        name = row["context"][:80]
        found.append(Example(row["text"], row["prev_system"], frozenset(kinds), name))
    return found


def meetings(folder: Path) -> list[Example]:
    """Return utterances of research meetings with their dialogue act (ICSI MRDA)."""
    return _acts(folder / "feedback_mrda_train" / "train.jsonl.gz")


def telephone(folder: Path) -> list[Example]:
    """Return utterances of telephone conversations with their dialogue act (Switchboard)."""
    return _acts(folder / "feedback_swda" / "test.jsonl.gz")


def satisfaction(folder: Path) -> list[Example]:
    """Return user turns whose raters found them (dis)satisfied (USS)."""
    kinds = {"positive": frozenset({"positive"}), "negative": frozenset({"negative"})}
    return [
        Example(
            row["text"],
            row["prev_system"],
            kinds.get(row["label"], frozenset()),
            str(row["dialogue"]),
        )
        for row in _rows(folder / "feedback_uss_dev" / "utterances.jsonl.gz")
    ]


def split_conversations(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """Return the examples of four in five conversations, and those of every fifth."""
    held = set(sorted({example.conversation for example in examples})[::5])
    train = [example for example in examples if example.conversation not in held]
    return train, [example for example in examples if example.conversation in held]


def _acts(path: Path) -> list[Example]:
    found = []
    for row in _rows(path):
        kind = _ACTS.get(row["label"])
        kinds = frozenset(() if kind is None else (kind,))
        found.append(Example(row["text"], row["prev"], kinds, row["conv"]))
    return found


def _table_speaks(text: str) -> bool:
    cues = Counter(cue for _, _, cue in phrase_table().find(readable(text)))
    return max(prior_logits(cues)) > 0


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
