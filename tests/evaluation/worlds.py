"""A small world in which feedback pays: memories are asked for in words they do not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engrain.base.arrays import F32Array, F64Array
from engrain.evaluation.datasets import Dataset, Document, Question
from engrain.evaluation.subject import Stopwatch, Subject

TOPICS = 24
WORDINGS = 4
DIM = 16


def make_world(*, conversations: int = 1, vectors: bool = True, seed: int = 5) -> Dataset:
    """Return `TOPICS` memories per conversation, each asked for in `WORDINGS` ways.

    A question holds one shared word, and two words of its topic's own jargon that no memory holds.
    """
    rng = np.random.default_rng(seed)
    documents, questions, points, asked = [], [], [], []
    for conv in range(conversations):
        name = f"c{conv}" if conversations > 1 else None
        for topic in range(TOPICS):
            id = f"{conv}/{topic}"
            point = rng.standard_normal(DIM)
            metadata = {} if name is None else {"conv": name}
            text = f"word{topic % 6} about subject{topic} filler{rng.integers(9)}"
            documents.append(Document(id, text, metadata, sequence=name, source="someone"))
            points.append(point)
            for wording in range(WORDINGS):
                text = f"word{topic % 6} jargon{conv}x{topic} slang{conv}x{topic} way{wording}"
                relevant = frozenset({id})
                questions.append(Question(f"{id}/{wording}", text, relevant, conv=name))
                asked.append(0.4 * point + rng.standard_normal(DIM))
    return Dataset(
        "world",
        tuple(documents),
        tuple(questions),
        unit(np.array(points)) if vectors else None,
        unit(np.array(asked)) if vectors else None,
    )


def unit(rows: F64Array) -> F32Array:
    """Return rows of length 1."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def open_subject(dataset: Dataset, folder: Path) -> Subject:
    """Return a memory of the data set."""
    return Subject(dataset, folder / "memory.db", (), Stopwatch())
