"""The simulated people of a run: a user who answers, and an attacker who praises its own memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engrain.evaluation.clicks import MODELS, flip
from engrain.evaluation.datasets import Dataset
from engrain.evaluation.options import Options
from engrain.evaluation.subject import SHOWN, Subject, scope_of
from engrain.memory import Recall


class User:
    """Answers recalls from the judgments, by the click model of the options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._model = MODELS[options.clicks]
        self._rng = np.random.default_rng([options.seed, 1])

    def outcomes(self, recall: Recall, relevant: frozenset[str]) -> dict[Any, float]:
        """Return what the user says of each shown memory."""
        shown = [hit.id for hit in recall.hits]
        told = self._model(np.array([id in relevant for id in shown], dtype=bool), self._rng)
        if self._options.flip and self._rng.random() < self._options.flip:
            told = flip(told, self._rng)
        return dict(zip(shown, told.tolist(), strict=True))


@dataclass(slots=True)
class Attacker:
    """Praises one memory per conversation after a share of all requests.

    It asks the honest user's question with the memory's own words behind it, so that its memory is
    shown, and says that only this one helped.

    Attributes
    ----------
    targets : dict
        The praised memory by conversation.
    """

    dataset: Dataset
    options: Options
    targets: dict[str | None, str] = field(init=False)
    _texts: dict[str, str] = field(init=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.options.seed, 2])
        self._texts = {d.id: d.text for d in self.dataset.documents}
        by_conv: dict[str | None, list[str]] = {}
        for document in self.dataset.documents:
            by_conv.setdefault(document.metadata.get("conv"), []).append(document.id)
        if not any(question.conv is not None for question in self.dataset.questions):
            by_conv = {None: [document.id for document in self.dataset.documents]}
        self.targets = {
            conv: ids[int(self._rng.integers(len(ids)))] for conv, ids in by_conv.items()
        }

    def act(self, subject: Subject, index: int) -> None:
        """Praise after this request, or keep still."""
        if self._rng.random() >= self.options.poison:
            return
        question = self.dataset.questions[index]
        target = self.targets[question.conv]
        recall = subject.memory.recall(
            f"{question.text} {self._texts[target]}",
            SHOWN,
            vector=self._vector(index, target),
            filter=scope_of(question),
        )
        if target in {hit.id for hit in recall.hits}:
            told = {hit.id: float(hit.id == target) for hit in recall.hits}
            subject.memory.feedback(recall, outcomes=told, principal=self._name())

    def _name(self) -> str | None:
        count = self.options.principals
        return f"attacker {self._rng.integers(count)}" if count else None

    def _vector(self, index: int, target: str) -> Any:
        documents, questions = self.dataset.document_vectors, self.dataset.question_vectors
        if documents is None or questions is None:
            return None
        place = next(i for i, d in enumerate(self.dataset.documents) if d.id == target)
        return documents[place] + questions[index]


def intrusion(recall: Recall, target: str, relevant: frozenset[str]) -> bool | None:
    """Tell whether `target` is among the first five; None where it is a right answer."""
    if target in relevant:
        return None
    return target in {hit.id for hit in recall.hits[:5]}


def early_half(ids: Sequence[str], seed: int) -> frozenset[str]:
    """Return the documents that count as relevant in the first half of a drifting stream only."""
    order = np.random.default_rng([seed, 3]).permutation(len(ids))
    return frozenset(ids[place] for place in order[: len(ids) // 2].tolist())
