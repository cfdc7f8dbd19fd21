"""The simulated people of a run: a user who answers, and an attacker who praises its own memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engrain.evaluation.clicks import MODELS, flip
from engrain.evaluation.datasets import Dataset
from engrain.evaluation.options import Options
from engrain.evaluation.subject import SHOWN, Subject, scope_of
from engrain.memory import Recall

COPIED = 3  # honest questions in a memory that an attacker brings


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


class Attacker:
    """Praises one memory per conversation after a share of all requests.

    It asks the honest user's question with the memory's own words behind it, so that its memory is
    shown, and says that only this one helped. The memory is one that was there, or with
    ``options.inject`` one that it brought: the words of three honest questions.

    Parameters
    ----------
    dataset : Dataset
    options : Options

    Attributes
    ----------
    targets : dict
        The praised memory by conversation.
    copied : set of int
        Questions whose words its own memories repeat.
    """

    def __init__(self, dataset: Dataset, options: Options) -> None:
        self.dataset, self.options = dataset, options
        self._rng = np.random.default_rng([options.seed, 2])
        self.copied: set[int] = set()
        chosen = self._own() if options.inject else self._held()
        self.targets = {conv: id for conv, (id, _, _) in chosen.items()}
        self._known = {id: (text, vector) for id, text, vector in chosen.values()}

    def _convs(self) -> list[str | None]:
        return list(dict.fromkeys(question.conv for question in self.dataset.questions))

    def _held(self) -> dict[str | None, tuple[str, str, Any]]:
        """Choose a memory of each conversation."""
        documents, vectors = self.dataset.documents, self.dataset.document_vectors
        chosen = {}
        for conv in self._convs():
            places = [
                place
                for place, document in enumerate(documents)
                if conv is None or document.metadata.get("conv") == conv
            ]
            place = places[int(self._rng.integers(len(places)))]
            vector = None if vectors is None else vectors[place]
            chosen[conv] = (documents[place].id, documents[place].text, vector)
        return chosen

    def _own(self) -> dict[str | None, tuple[str, str, Any]]:
        """Make a memory for each conversation."""
        questions, vectors = self.dataset.questions, self.dataset.question_vectors
        chosen = {}
        for conv in self._convs():
            places = [place for place, q in enumerate(questions) if q.conv == conv]
            copied = self._rng.permutation(places)[:COPIED].tolist()
            text = " ".join(questions[place].text for place in copied)
            vector = None if vectors is None else vectors[copied].sum(axis=0)
            chosen[conv] = (f"attacker of {conv}", text, vector)
            self.copied.update(copied)
        return chosen

    def bring(self, subject: Subject) -> None:
        """Have its own memories remembered."""
        if not self.options.inject:
            return
        for conv, id in self.targets.items():
            text, vector = self._known[id]
            metadata = {} if conv is None else {"conv": conv}
            subject.memory.remember(
                text, id=id, vector=vector, metadata=metadata, source="attacker"
            )

    def act(self, subject: Subject, index: int) -> None:
        """Praise after this request, or keep still."""
        if self._rng.random() >= self.options.poison:
            return
        question, vectors = self.dataset.questions[index], self.dataset.question_vectors
        target = self.targets[question.conv]
        text, vector = self._known[target]
        recall = subject.memory.recall(
            f"{question.text} {text}",
            SHOWN,
            vector=None if vector is None or vectors is None else vector + vectors[index],
            filter=scope_of(question),
        )
        if target in {hit.id for hit in recall.hits}:
            told = {hit.id: float(hit.id == target) for hit in recall.hits}
            subject.memory.feedback(recall, outcomes=told, principal=self._name())

    def _name(self) -> str | None:
        count = self.options.principals
        return f"attacker {self._rng.integers(count)}" if count else None


def intrusion(recall: Recall, target: str, relevant: frozenset[str]) -> bool | None:
    """Tell whether `target` is among the first five; None where it is a right answer."""
    if target in relevant:
        return None
    return target in {hit.id for hit in recall.hits[:5]}


def early_half(ids: Sequence[str], seed: int) -> frozenset[str]:
    """Return the documents that count as relevant in the first half of a drifting stream only."""
    order = np.random.default_rng([seed, 3]).permutation(len(ids))
    return frozenset(ids[place] for place in order[: len(ids) // 2].tolist())
