"""What the inline gate adds to the cosine on questions it was not taught.

Usage: ``python -m engrain.evaluation.gate FOLDER [--seeds N]``, a data set with vectors.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.base.errors import ConfigError
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.intervals import bootstrap_interval
from engrain.evaluation.metrics import measure
from engrain.kernels import score_rows, topk
from engrain.policy.gate import InlineGate
from engrain.policy.guarded_gate import GuardedGate

TAUGHT = 40  # candidates of a question's lesson, beside what is relevant


class Case(NamedTuple):
    """One question: its centred vector, those of the memories it may ask for, which are right."""

    situation: F32Array
    memories: F32Array
    relevant: BoolArray


def read_cases(dataset: Dataset) -> list[Case]:
    """Return the judged questions; vectors are centred on the mean of their conversation."""
    documents, questions = dataset.document_vectors, dataset.question_vectors
    if documents is None or questions is None:
        raise ConfigError(f"{dataset.name}: holds no vectors")
    conversations = np.array([d.metadata.get("conv") for d in dataset.documents])
    ids = np.array([d.id for d in dataset.documents])
    cases = []
    for number in dataset.judged(exclude_adversarial=True):
        question = dataset.questions[number]
        mine = conversations == question.conv if question.conv else np.ones(len(ids), np.bool_)
        centre = documents[mine].mean(0)
        relevant = np.isin(ids[mine], list(question.relevant))
        cases.append(
            Case(_unit(questions[number] - centre), _unit(documents[mine] - centre), relevant)
        )
    return cases


def _unit(x: F32Array) -> F32Array:
    lengths = np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
    return np.ascontiguousarray(x / lengths, np.float32)


def held_out(cases: Sequence[Case], *, seed: int = 0, folds: int = 5) -> tuple[F64Array, F64Array]:
    """Return nDCG@10 of the cosine and of a guarded gate taught the other folds alone.

    Returns
    -------
    cosine, gate : ndarray of float64, shape (questions,)
    """
    order = np.random.default_rng(seed).permutation(len(cases))
    base, gated = np.empty(len(cases)), np.empty(len(cases))
    for fold in range(folds):
        guarded = GuardedGate(InlineGate(len(cases[0].situation)))
        for at in order[np.arange(len(order)) % folds != fold].tolist():
            teach(guarded, cases[at])
        for at in order[fold::folds].tolist():
            situation, memories, relevant = cases[at]
            plain = score_rows(memories, situation)
            base[at] = _quality(plain, relevant)
            gated[at] = _quality(plain + guarded.gain(situation, memories), relevant)
    return base, gated


def teach(guarded: GuardedGate, case: Case) -> None:
    """Let the gate learn a question's best memories by the cosine and all its relevant ones."""
    found, _ = topk(case.memories, case.situation, TAUGHT)
    best = np.union1d(found, np.flatnonzero(case.relevant))
    outcomes = case.relevant[best].astype(np.float32)
    guarded.learn(case.situation, np.ascontiguousarray(case.memories[best]), outcomes)


def _quality(scores: F32Array, relevant: BoolArray) -> float:
    order = np.argsort(-scores, kind="stable")[:10]
    return measure(relevant[order], int(relevant.sum())).ndcg10


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the gate's lift over the cosine as JSON, one line per seed of the folds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    cases = read_cases(load_dataset(options.folder))
    for seed in range(options.seeds):
        base, gated = held_out(cases, seed=seed)
        report: dict[str, Any] = {
            "seed": seed,
            "questions": len(base),
            "cosine": float(base.mean()),
            "gate": float(gated.mean()),
            "lift": float((gated - base).mean()),
            "ci95": bootstrap_interval(gated - base),
        }
        print(json.dumps(report))


if __name__ == "__main__":
    main()
