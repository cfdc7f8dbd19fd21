from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from engrain.learning.collector import EventStore
from engrain.learning.hooks import RetrievalHookMixin, learning_retrieval


@dataclass
class Shown:
    id: str
    score: float
    components: dict[str, float] = field(default_factory=dict)


HITS = [Shown("a", 0.9, {"similarity": 0.8}), Shown("b", 0.5)]


def test_a_plain_function_emits_what_it_returns() -> None:
    store = EventStore()

    @learning_retrieval(store=store)
    def search(query: str, k: int) -> list[Shown]:
        return HITS[:k]

    assert search("q", k=2) == HITS
    assert search(query="again", k=1) == HITS[:1]
    events = store.retrievals()
    assert [(e.query, e.retrieved_ids) for e in events] == [("q", ("a", "b")), ("again", ("a",))]
    assert events[0].component_scores == {"a": {"similarity": 0.8}}


def test_an_asynchronous_method_emits_what_it_returns() -> None:
    store = EventStore()

    class Search:
        @learning_retrieval(store=store)
        async def find(self, query: str) -> list[dict[str, Any]]:
            await asyncio.sleep(0)
            return [{"id": 7, "score": 1.0, "components": {"recency": 0.5}}]

    assert asyncio.run(Search().find("q"))[0]["id"] == 7
    assert store.retrievals()[0].retrieved_ids == (7,)


def test_a_result_without_ids_never_disturbs_the_retrieval() -> None:
    @learning_retrieval(store=EventStore())
    def search(query: str) -> list[str]:
        return [query]

    assert search("q") == ["q"]
    assert vars(search)["dropped"] == 1


def test_errors_of_the_retrieval_itself_pass_through() -> None:
    @learning_retrieval(store=EventStore())
    def search(query: str) -> list[Shown]:
        raise RuntimeError(query)

    with pytest.raises(RuntimeError, match="q"):
        search("q")


def test_the_mixin_joins_outcomes_to_retrievals() -> None:
    class Memory(RetrievalHookMixin):
        learning_session = "one"

    memory = Memory()
    memory.learning_store = EventStore()
    shown = memory.on_retrieval("q", HITS)
    experience = memory.on_outcome(memory_outcomes={"a": 1.0})
    assert experience is not None
    assert experience.retrieval == shown

    async def flow() -> bool:
        await memory.aon_retrieval("q2", HITS)
        return await memory.aon_outcome(0.5, cited=["b"]) is not None

    assert asyncio.run(flow())
    assert len(memory.learning_store.experiences()) == 2
