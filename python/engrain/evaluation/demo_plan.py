"""Who asks what in the demo.

Half of the functions that have two sentences or more are taught, by their first, third and fourth
sentences. The second sentences are kept for the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engrain.evaluation.corpus import Function

TAUGHT = (0, 2, 3)  # places of the taught sentences; the one at 1 is kept for the test


@dataclass(frozen=True, slots=True)
class Request:
    """One question and the function that answers it."""

    text: str
    function: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Who asks what.

    Attributes
    ----------
    functions : tuple of Function
    taught : tuple of Request
        In the order of asking.
    overlap, no_overlap : tuple of Request
        Never asked before; about taught and about untaught functions.
    """

    functions: tuple[Function, ...]
    taught: tuple[Request, ...]
    overlap: tuple[Request, ...]
    no_overlap: tuple[Request, ...]


def make_plan(functions: Sequence[Function], seed: int = 1) -> Plan:
    """Choose the half that is taught, and shuffle its questions."""
    rng = np.random.default_rng(seed)
    several = [f for f in functions if len(f.sentences) > 1]
    half = set(rng.permutation(len(several))[: len(several) // 2].tolist())
    chosen = [f for place, f in enumerate(several) if place in half]
    others = [f for place, f in enumerate(several) if place not in half]
    taught = [
        Request(f.sentences[place], f.name)
        for f in chosen
        for place in TAUGHT
        if place < len(f.sentences)
    ]
    return Plan(
        functions=tuple(functions),
        taught=tuple(taught[place] for place in rng.permutation(len(taught))),
        overlap=second_sentences(chosen, rng),
        no_overlap=second_sentences(others, rng),
    )


def second_sentences(
    functions: Sequence[Function], rng: np.random.Generator
) -> tuple[Request, ...]:
    """Return the questions that no one has asked before, shuffled."""
    order = rng.permutation(len(functions)).tolist()
    return tuple(Request(functions[i].sentences[1], functions[i].name) for i in order)
