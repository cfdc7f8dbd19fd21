from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from engrain.loops.duplicates import MERGE_COSINE
from engrain.loops.wording import Wording
from engrain.memory.embedder import HashedEmbedder


def agree(a: str, b: str) -> bool:
    one, other = Wording.of(a), Wording.of(b)
    assert one.agrees(other) == other.agrees(one)
    return one.agrees(other)


def test_small_differences_of_form_agree() -> None:
    assert agree("The report (A5-0323/2000)", "the Report A5-0323 / 2000.")
    assert agree("A man rides a horse.", "man rides horse")
    assert agree("Anna's car is red", "Anna’s car is red!")
    assert agree("It costs 1,200 dollars", "It costs 1200 dollars")
    assert agree("two dogs run", "2 dogs run")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Shares fell 3 percent", "Shares fell 4 percent"),
        ("We met in Paris on Monday", "We met in London on Monday"),
        ("He did not agree", "He did agree"),
        ("She can't come", "She can come"),
        ("He has five cats", "He has six cats"),
        ("a b c d", "a b c d e f g"),
    ],
)
def test_numbers_names_and_negations_must_agree(a: str, b: str) -> None:
    assert not agree(a, b)


def test_default_merges_of_real_pairs_are_precise(data: Path) -> None:
    with gzip.open(data / "dedup_sts" / "pairs.jsonl.gz", "rt") as lines:
        pairs = [json.loads(line) for line in lines]
    duplicate = np.array([pair["score"] >= 4.5 for pair in pairs])
    embed = HashedEmbedder().embed
    a, b = (embed([pair[side] for pair in pairs]) for side in "ab")
    near = np.einsum("ij,ij->i", a, b) >= MERGE_COSINE
    merged = np.array(
        [
            bool(n) and Wording.of(pair["a"]).agrees(Wording.of(pair["b"]))
            for pair, n in zip(pairs, near, strict=True)
        ]
    )
    precision = float(duplicate[merged].mean())
    recall = float((duplicate & merged).sum() / duplicate.sum())
    print(f"dedup_sts: precision {precision:.3f}, recall {recall:.3f}, {merged.sum()} merges")
    assert precision >= 0.95
    assert recall >= 0.1
    assert precision > float(duplicate[near].mean())
