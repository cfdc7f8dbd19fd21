"""A plain float64 re-implementation of the static base over a list of memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.kernels import reference
from engrain.memory.index import StaticIndex, unit_rows
from tests.strategies import normal

VOCABULARY = """
    gliders parties boxes kiss the alpha beta gamma delta lift drag wing flow theory café Жизнь
    zeta eta classes memory memories
"""
WORDS = VOCABULARY.split()
DIM = 40


@dataclass
class Collection:
    """What a `StaticIndex` was told, and what it must answer."""

    texts: dict[int, str] = field(default_factory=dict)
    vectors: dict[int, F32Array] = field(default_factory=dict)
    sequences: dict[int, int] = field(default_factory=dict)

    def bm25(self, text: str, members: Sequence[int]) -> F64Array:
        """Score members; idf and average length are those of all memories."""
        handles = sorted(self.texts)
        documents = [reference.terms_of(self.texts[h]) for h in handles]
        scores = dict(
            zip(handles, reference.bm25_scores(reference.terms_of(text), documents), strict=True)
        )
        return np.array([scores[h] for h in members])

    def rows(self, text: str, queries: F32Array, members: Sequence[int]) -> dict[str, F64Array]:
        """Return the columns of every member, by name, and `static`."""
        bm25 = reference.standardize(self.bm25(text, members))
        cosines, centred, _ = reference.centred_cosines([self.vectors[h] for h in members], queries)
        cosine = reference.standardize(cosines)
        static = bm25 + cosine
        order = np.argsort(-static, kind="stable")
        rank = np.empty(len(members))
        rank[order] = np.arange(len(members))
        centroid = centred[order[:5]].mean(axis=0)
        prf = centred @ (centroid / max(float(np.linalg.norm(centroid)), 1e-9))
        lengths = [len(reference.terms_of(self.texts[h])) for h in members]
        return {
            "static": static,
            "s:bm25": bm25,
            "s:cos": cosine,
            "s:prf": prf,
            "s:len": np.log(np.array(lengths) + 5.0),
            "s:rank": -np.log1p(rank),
            "s:min": np.minimum(bm25, cosine),
            "s:prev": self.neighbours(static, members, -1),
            "s:next": self.neighbours(static, members, 1),
        }

    def neighbours(self, static: F64Array, members: Sequence[int], step: int) -> F64Array:
        scores = dict(zip(members, static, strict=True))
        out = np.zeros(len(members))
        for i, handle in enumerate(members):
            own = self.sequences[handle]
            line = [h for h in sorted(self.texts) if own >= 0 and self.sequences[h] == own]
            at = line.index(handle) + step if line else -1
            if 0 <= at < len(line) and line[at] in scores:
                out[i] = max(scores[line[at]], -3.0)
        return out


def grow(seed: int, n: int, dim: int = DIM) -> tuple[StaticIndex, Collection]:
    """Return an index of n random memories and its re-implementation."""
    rng = np.random.default_rng(seed)
    vectors = unit_rows(normal(seed, n, dim) + 0.5)
    index, told = StaticIndex([dim]), Collection()
    for handle in range(n):
        text = sentence(rng, int(rng.integers(0, 12)))
        sequence = int(rng.integers(-1, 3))
        index.add(handle, text, [vectors[handle]], sequence)
        told.texts[handle], told.vectors[handle] = text, vectors[handle]
        told.sequences[handle] = sequence
    return index, told


def sentence(rng: np.random.Generator, words: int) -> str:
    """Return a random text of so many words."""
    return " ".join(rng.choice(WORDS, words)) + "."


def forget(index: StaticIndex, told: Collection, handle: int) -> None:
    """Remove a memory from both."""
    index.remove(handle)
    del told.texts[handle], told.vectors[handle], told.sequences[handle]


def as_handles(members: Sequence[int]) -> I64Array:
    """Return handles as the index takes them."""
    return np.array(members, dtype=np.int64)
