"""Small random worlds of questions, memories and terms for the tests of the ranking."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.memory.evidence import Evidence


@dataclass
class Asked:
    """One question with the memories it used and passed over."""

    scope: int
    query: F32Array | None
    terms: I32Array
    counts: F32Array
    handles: I64Array
    masses: F32Array
    passed: I64Array


@dataclass
class World:
    """Unit memories with term counts, and questions about them."""

    seed: int
    dim: int = 24
    memories: int = 30
    vocabulary: int = 40
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.vectors = self.unit(self.memories)
        occurs = self.rng.random((self.memories, self.vocabulary)) < 0.3
        self.tf = (occurs * self.rng.integers(1, 4, occurs.shape)).astype(np.float32)
        self.length = self.tf.sum(1) + 5
        self.idf = (self.rng.random(self.vocabulary) + 0.5).astype(np.float32)

    def unit(self, n: int) -> F32Array:
        x = self.rng.standard_normal((n, self.dim))
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True), dtype=np.float32)

    def question(self, *, scopes: int = 2, vector: bool = True) -> Asked:
        terms = self.rng.choice(self.vocabulary, self.rng.integers(0, 7), replace=False)
        shown = self.rng.choice(self.memories, 6, replace=False)
        handles, passed = np.split(shown, [self.rng.integers(0, 4)])
        return Asked(
            int(self.rng.integers(scopes)),
            self.unit(1)[0] if vector and self.rng.random() < 0.9 else None,
            terms.astype(np.int32),
            self.rng.integers(1, 3, len(terms)).astype(np.float32),
            handles.astype(np.int64),
            (1 - self.rng.random(len(handles)) * 0.9).astype(np.float32),
            passed.astype(np.int64),
        )

    def add(self, evidence: Evidence, asked: Asked) -> int:
        return evidence.add(
            asked.scope,
            asked.query,
            asked.terms,
            asked.counts,
            asked.handles,
            asked.masses,
            np.ascontiguousarray(self.vectors[asked.handles]),
            self.idf[asked.terms],
            asked.passed,
        )

    def features(self, evidence: Evidence, asked: Asked, exclude: int = -1) -> F32Array:
        """Features of all memories for a question."""
        idf = self.idf[asked.terms]
        similar = evidence.similarity(
            asked.scope, asked.query, asked.terms, asked.counts, idf, exclude
        )
        return evidence.features(
            similar,
            asked.terms,
            asked.counts,
            idf,
            float(self.length.mean()),
            1.5,
            np.arange(self.memories, dtype=np.int64),
            self.static(asked),
            self.vectors,
            np.ascontiguousarray(self.tf[:, asked.terms]),
            self.length,
            exclude,
        )

    def static(self, asked: Asked) -> F32Array:
        """Any static score that depends on the question."""
        score = self.tf[:, asked.terms].sum(1) - 1.0
        if asked.query is not None:
            score = score + self.vectors @ asked.query
        return np.asarray(score, dtype=np.float32)
