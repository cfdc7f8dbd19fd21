from __future__ import annotations

import gzip
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.loops.analogies import MappingType, find_analogies

SHARED, ALONE, DIM = 60, 20, 384


def planted(turn: str, noise: float, seed: int) -> tuple[F32Array, F32Array, dict[int, int]]:
    """Return two domains of 80 concepts, 60 of which correspond, and the pairs."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((SHARED + 2 * ALONE, DIM)) * np.exp(-np.arange(DIM) / 30)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    sources = base[: SHARED + ALONE]
    targets = np.concatenate([base[:SHARED], base[SHARED + ALONE :]])
    if turn == "any":
        targets = targets @ np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    targets = targets + noise * rng.standard_normal(targets.shape) / np.sqrt(DIM)
    moved = [rows + 2 * rng.standard_normal(DIM) / np.sqrt(DIM) for rows in (sources, targets)]
    order = rng.permutation(len(targets))
    truth = {int(order[j]): j for j in range(len(order))}
    pairs = {i: truth[i] for i in range(SHARED)}
    return moved[0].astype(np.float32), moved[1][order].astype(np.float32), pairs


@pytest.mark.parametrize(("turn", "noise"), [("none", 0.3), ("none", 0.6), ("any", 0.2)])
def test_planted_analogies_are_found_precisely(turn: str, noise: float) -> None:
    right = found = 0
    for seed in range(3):
        sources, targets, pairs = planted(turn, noise, seed)
        analogies = find_analogies(sources, targets)
        right += sum(pairs.get(a.source) == a.target for a in analogies)
        found += len(analogies)
        if turn == "any":
            assert {a.mapping_type for a in analogies} == {MappingType.Rotation}
    assert right / found >= 0.9
    assert right / (3 * SHARED) >= 0.9


def test_domains_that_share_nothing_yield_little() -> None:
    rng = np.random.default_rng(7)
    one, other = (rng.standard_normal((60, DIM)).astype(np.float32) for _ in range(2))
    assert len(find_analogies(one, other)) <= 6


def categories(data: Path) -> Iterator[dict[str, str]]:
    with gzip.open(data / "analogy_words" / "questions-words.txt.gz", "rt") as file:
        lines = file.read().splitlines()
    for titled, group in groupby(lines, key=lambda line: line.startswith(":")):
        if not titled:
            words = [line.split() for line in group]
            yield {a: b for a, b, _, _ in words} | {a: b for _, _, a, b in words}


def three_cos_add(x: F32Array, y: F32Array, answers: list[int]) -> float:
    """Share of questions a : b :: c : ? answered right among the targets, all pairs (a, c)."""
    right = total = 0
    for a, b in enumerate(answers):
        scores = (y[b] - x[a] + x) @ y.T
        scores[:, b] = -np.inf
        asked = np.array([c != a and answers[c] != b for c in range(len(x))])
        right += int((scores.argmax(axis=1) == answers)[asked].sum())
        total += int(asked.sum())
    return right / total


def test_real_analogies_beat_the_baseline_without_being_shown_a_pair(data: Path) -> None:
    pytest.importorskip("wordllama")
    from engrain.memory.embedder import WordLlamaEmbedder

    embed = WordLlamaEmbedder().embed
    right = found = words = 0
    baseline = []
    for pairs in categories(data):
        sources, targets = sorted(pairs), sorted(set(pairs.values()))
        x, y = embed(sources), embed(targets)
        answers = [targets.index(pairs[word]) for word in sources]
        analogies = find_analogies(x, y)
        right += sum(answers[a.source] == a.target for a in analogies)
        found += len(analogies)
        words += len(sources)
        baseline.append(three_cos_add(x, y, answers))
    precision = right / found
    print(
        f"analogy_words: precision {precision:.3f} on {found} of {words} words, no pair shown; "
        f"3CosAdd with one pair shown {np.mean(baseline):.3f}"
    )
    assert precision >= 0.9
    assert precision > np.mean(baseline)
    assert found / words > 0.5


def test_bad_domains_are_refused() -> None:
    with pytest.raises(ShapeError):
        find_analogies(np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32))
    with pytest.raises(ConfigError):
        find_analogies(np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32), least=2.0)
    assert find_analogies(np.ones((2, 4), np.float32), np.ones((9, 4), np.float32)) == []
