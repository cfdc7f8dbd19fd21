from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.errors import UnknownIdError
from engrain.memory.evidence import Evidence
from tests.memory.worlds import World
from tests.strategies import seeds


def equal(a: dict[str, np.ndarray[Any, Any]], b: dict[str, np.ndarray[Any, Any]]) -> bool:
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a
    )


SUMS = ("handle", "mass", "length", "sum", "count_end", "count_term", "count_value")


def sums(evidence: Evidence) -> dict[str, np.ndarray[Any, Any]]:
    state = evidence.state()
    return {name: state[name] for name in SUMS}


@settings(max_examples=30, deadline=None)
@given(seed=seeds, victim=st.integers(0, 11))
def test_a_removed_question_leaves_the_sums_as_if_it_had_never_come(seed: int, victim: int) -> None:
    world, full, without = World(seed), Evidence(24), Evidence(24)
    questions = [world.question() for _ in range(12)]
    numbers = [world.add(full, q) for q in questions]
    for i, question in enumerate(questions):
        if i != victim:
            world.add(without, question)
    full.remove(numbers[victim])
    assert equal(sums(full), sums(without))
    probe = world.question()
    assert world.features(full, probe).tobytes() == world.features(without, probe).tobytes()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, left_out=st.integers(0, 11))
def test_leaving_a_question_out_equals_evidence_without_it(seed: int, left_out: int) -> None:
    world, full, without = World(seed), Evidence(24), Evidence(24)
    questions = [world.question() for _ in range(12)]
    for i, question in enumerate(questions):
        world.add(full, question)
        if i != left_out:
            world.add(without, question)
    asked = questions[left_out]
    got = world.features(full, asked, exclude=left_out)
    assert got.tobytes() == world.features(without, asked).tobytes()


def test_removing_twice_names_the_question() -> None:
    world, evidence = World(0), Evidence(24)
    number = world.add(evidence, world.question())
    evidence.remove(number)
    with pytest.raises(UnknownIdError, match=str(number)):
        evidence.remove(number)


def test_state_and_load_are_the_same_bytes() -> None:
    world, evidence, again = World(1), Evidence(24, questions=8), Evidence(24, questions=8)
    for _ in range(20):
        world.add(evidence, world.question())
    evidence.set_ridge(evidence.refit_ridge())
    again.load(evidence.state())
    assert equal(again.state(), evidence.state())
    probe = world.question()
    assert world.features(again, probe).tobytes() == world.features(evidence, probe).tobytes()
