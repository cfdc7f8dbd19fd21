from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.clock import SimulatedClock
from engrain.base.ids import Id
from engrain.learning.collector import EventCollector, EventStore, default_store, get_collector
from engrain.learning.events import emit_retrieval_event
from engrain.learning.experience import OutcomeEvent, RetrievalEvent
from engrain.storage import EventLog


def show(store: EventStore, *ids: str, session: str | None = None) -> RetrievalEvent:
    parts: dict[Id, dict[str, float]] = {
        i: {"similarity": 0.5 + n / 10, "recency": 0.25} for n, i in enumerate(ids)
    }
    return emit_retrieval_event("q", ids, [1.0] * len(ids), parts, session=session, store=store)


def test_components_arrive_whole_in_the_experience() -> None:
    store = EventStore(clock=SimulatedClock(10.0))
    shown = show(store, "a-long-identifier", "b")
    experience = store.record_outcome(OutcomeEvent(memory_outcomes={"b": 0.9}))
    assert experience is not None
    assert experience.retrieval == shown
    np.testing.assert_allclose(
        experience.features(), [[0.5, 0.25, 0, 0], [0.6, 0.25, 0, 0]], rtol=1e-6
    )
    np.testing.assert_allclose(experience.rewards, [np.nan, 0.9], rtol=1e-6)
    assert EventCollector(store).get_experiences(limit=5) == [experience]


def test_an_outcome_finds_its_retrieval() -> None:
    clock = SimulatedClock(100.0)
    store = EventStore(clock=clock, window=60.0)
    first = show(store, "a", session="one")
    show(store, "b", session="two")
    clock.advance(30.0)
    match = store.record_outcome(OutcomeEvent(outcome=1.0, session="one"))
    assert match is not None
    assert match.retrieval == first
    assert store.record_outcome(OutcomeEvent(outcome=1.0, retrieval_id=first.event_id)) is not None
    clock.advance(60.0)
    assert store.record_outcome(OutcomeEvent(outcome=1.0, session="one")) is None
    assert store.record_outcome(OutcomeEvent(outcome=1.0, session="three")) is None
    assert store.unmatched == 2
    assert len(store.outcomes()) == 4


def test_citations_take_the_outcome_of_the_session() -> None:
    store = EventStore()
    show(store, "a", "b", "c")
    experience = store.record_outcome(
        OutcomeEvent(outcome=0.8, cited=("b",), memory_outcomes={"c": 0.1})
    )
    assert experience is not None
    np.testing.assert_allclose(experience.rewards, [np.nan, 0.8, 0.1], rtol=1e-6)


def test_caps_hold_and_the_newest_stay() -> None:
    store = EventStore(capacity=10)
    for i in range(100):
        show(store, f"m{i}", session=f"s{i}")
        store.record_outcome(OutcomeEvent(outcome=0.5, session=f"s{i}"))
    assert [e.retrieved_ids for e in store.retrievals()] == [(f"m{i}",) for i in range(90, 100)]
    assert len(store.experiences()) == 10
    assert len(store.retrievals(limit=3)) == 3
    assert len(store) == 20
    assert len(store._latest) == 10


def test_a_log_brings_the_events_back(tmp_path: Path) -> None:
    with EventLog.open(tmp_path / "events.db", epoch=1) as log:
        store = EventStore(log=log)
        show(store, "a", "b")
        store.record_outcome(OutcomeEvent(memory_outcomes={"a": 1.0}))
        before = store.experiences()[0]
    with EventLog.open(tmp_path / "events.db", epoch=1) as log:
        after = EventStore(log=log).experiences()
        assert [e.retrieval for e in after] == [before.retrieval]
        np.testing.assert_array_equal(after[0].rewards, before.rewards)
        assert show(EventStore(log=log), "c").event_id == "retrieval-3"


def test_the_process_shares_one_store() -> None:
    default_store.cache_clear()
    shown = emit_retrieval_event("q", ["a"], {"a": 0.5})
    assert get_collector().store.retrievals() == [shown]
    default_store.cache_clear()


def test_bad_events_are_refused_before_they_are_kept() -> None:
    store = EventStore()
    with pytest.raises(ValueError, match="one per retrieved id"):
        emit_retrieval_event("q", ["a", "b"], [1.0], store=store)
    with pytest.raises(TypeError, match="id"):
        emit_retrieval_event("q", [1.5], [1.0], store=store)  # type: ignore[list-item]
    for value in (np.nan, 1.5, -0.1):
        with pytest.raises(ValueError, match="outcome"):
            OutcomeEvent(outcome=value)
    with pytest.raises(ValueError, match="capacity"):
        EventStore(capacity=0)
    assert len(store) == 0
