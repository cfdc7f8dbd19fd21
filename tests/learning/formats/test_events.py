from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent, combine
from engrain.learning.formats import FullJSON, NeuroSymbolicTriples, ToonJSON, get_representation

ids = st.text(min_size=1) | st.integers() | st.uuids()
unit = st.floats(0, 1)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def retrievals(draw: Any) -> RetrievalEvent:
    memories = draw(st.lists(ids, max_size=4, unique=True))
    return RetrievalEvent(
        query=draw(st.text()),
        retrieved_ids=tuple(memories),
        scores=tuple(draw(finite) for _ in memories),
        component_scores={i: {"similarity": draw(finite)} for i in memories},
        event_id=draw(st.text()),
        time=draw(finite),
        session=draw(st.none() | st.text()),
        context=draw(st.dictionaries(st.text(), st.integers() | st.text(), max_size=2)),
    )


@st.composite
def outcomes(draw: Any) -> OutcomeEvent:
    return OutcomeEvent(
        outcome=draw(st.none() | unit),
        memory_outcomes=draw(st.dictionaries(ids, unit, max_size=3)),
        cited=tuple(draw(st.lists(ids, max_size=2))),
        retrieval_id=draw(st.none() | st.text()),
        time=draw(finite),
    )


def retrieval(k: int) -> RetrievalEvent:
    rng = np.random.default_rng(0)
    memories = tuple(UUID(int=int(n), version=4) for n in rng.integers(1, 2**62, k))
    parts = ("similarity", "recency", "importance", "outcome")
    return RetrievalEvent(
        "why does the build fail on the second machine?",
        memories,
        tuple(rng.random(k).tolist()),
        {i: dict(zip(parts, rng.random(4).tolist(), strict=True)) for i in memories},
        event_id="retrieval-17",
        time=1763733600.123456,
        session="monday",
    )


@given(event=retrievals() | outcomes())
def test_full_json_keeps_every_event(event: RetrievalEvent | OutcomeEvent) -> None:
    assert FullJSON().decode(FullJSON().encode(event)) == event


def test_full_json_keeps_an_experience() -> None:
    event = retrieval(3)
    first = event.retrieved_ids[0]
    experience = combine(event, OutcomeEvent(memory_outcomes={first: 0.8}, cited=(first,)))
    again = FullJSON().decode(FullJSON().encode(experience))
    assert isinstance(again, Experience)
    assert again.retrieval == event
    assert again.cited == (first,)
    np.testing.assert_array_equal(again.rewards, experience.rewards)


@pytest.mark.parametrize("k", [3, 10, 50])
def test_toon_json_needs_at_most_half_the_characters(k: int) -> None:
    event = retrieval(k)
    assert len(ToonJSON().encode(event)) <= 0.5 * len(FullJSON().encode(event))


@given(event=retrievals() | outcomes())
def test_toon_json_reads_back_the_view_it_wrote(event: RetrievalEvent | OutcomeEvent) -> None:
    form = ToonJSON(digits=None)
    assert form.decode(form.encode(event)) == form.view(event)


def test_toon_json_tells_rewards_of_an_experience() -> None:
    event = retrieval(2)
    experience = combine(event, OutcomeEvent(memory_outcomes={event.retrieved_ids[0]: 0.75}))
    rows = ToonJSON().view(experience)["results"]
    assert [row["reward"] for row in rows] == [0.75, None]


def test_triples_state_what_was_retrieved_and_what_helped() -> None:
    form = NeuroSymbolicTriples()
    shown = form.triples(RetrievalEvent("q", ("a",), (0.5,), event_id="r1"))
    assert [(t.key, t.weight) for t in shown] == [(("r1", "retrieved", "s:a"), 0.5)]
    judged = form.triples(
        OutcomeEvent(memory_outcomes={"a": 0.9, "b": 0.25, "c": 0.5}, retrieval_id="r1")
    )
    assert {t.key: round(t.weight, 9) for t in judged} == {
        ("s:a", "helped", "r1"): 0.8,
        ("s:b", "failed", "r1"): 0.5,
    }
    assert form.encode(RetrievalEvent("q", ("a b",), (1.0,), event_id="r|1")) == (
        "<urn:engrain:r%7C1> <urn:engrain:retrieved> <urn:engrain:s%3Aa%20b> .\n"
    )


def test_formats_are_found_by_name() -> None:
    assert isinstance(get_representation("toon_json"), ToonJSON)
    with pytest.raises(ConfigError, match="full_json"):
        get_representation("yaml")
    with pytest.raises(ConfigError, match="not an event"):
        FullJSON().decode('{"event": "dream"}')
    with pytest.raises(ValueError, match="finite"):
        RetrievalEvent("q", ("a",), (math.nan,))
