"""From events to triples, and from triples to reasons for a memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engrain.base.arrays import F64Array
from engrain.base.ids import Id, encode_id
from engrain.learning.experience import OutcomeEvent, RetrievalEvent
from engrain.learning.neuro_symbolic.fusion import LearnedFusion
from engrain.learning.neuro_symbolic.paths import Path, best_paths
from engrain.learning.neuro_symbolic.triples import Triple, TripleStore

RETRIEVED = "retrieved"
SCORED = "scored"
HELPED = "helped"
FAILED = "failed"
CITED = "cited"


def event_triples(event: RetrievalEvent | OutcomeEvent) -> Iterator[Triple]:
    """Yield what an event states: who retrieved what, and what helped.

    Scores and outcomes become weights: ``retrieved`` by score, ``helped`` by 2(o - ½) for an
    outcome above ½ and ``failed`` by 2(½ - o) for one below, so that ½ states nothing.
    """
    if isinstance(event, RetrievalEvent):
        for memory, score in zip(event.retrieved_ids, event.scores, strict=True):
            yield Triple(event.event_id, RETRIEVED, encode_id(memory), _weight(score))
            for name, value in event.component_scores.get(memory, {}).items():
                yield Triple(f"{SCORED}:{name}", RETRIEVED, encode_id(memory), _weight(value))
        return
    source = event.retrieval_id or event.event_id
    for memory in event.cited:
        yield Triple(source, CITED, encode_id(memory))
    for memory, outcome in event.memory_outcomes.items():
        lean = 2.0 * (outcome - 0.5)
        if lean:
            predicate = HELPED if lean > 0 else FAILED
            yield Triple(encode_id(memory), predicate, source, _weight(abs(lean)))


def _weight(value: float) -> float:
    return min(max(float(value), 1e-6), 1.0)


class NeuroSymbolicReasoner:
    """Explains and re-scores memories by the paths that join them to a query.

    Parameters
    ----------
    store : TripleStore, optional
    fusion : LearnedFusion, optional
        Of columns (neural, symbolic).
    """

    def __init__(
        self, store: TripleStore | None = None, fusion: LearnedFusion | None = None
    ) -> None:
        self.store = store if store is not None else TripleStore()
        self.fusion = fusion if fusion is not None else LearnedFusion(("neural", "symbolic"))

    def record(self, event: RetrievalEvent | OutcomeEvent) -> int:
        """Add what an event states; return the number of triples."""
        triples = list(event_triples(event))
        for triple in triples:
            self.store.add(triple)
        return len(triples)

    def explain(self, source: str, memory: Id, k: int = 3) -> list[Path]:
        """Return the strongest paths from a node to a memory."""
        return best_paths(self.store, source, encode_id(memory), k)

    def symbolic(self, source: str, memories: list[Id]) -> F64Array:
        """Return per memory 1 - Π(1 - weight) over its strongest paths, in [0, 1]."""
        scores = np.zeros(len(memories))
        for i, memory in enumerate(memories):
            weights = [path.weight for path in self.explain(source, memory)]
            scores[i] = 1.0 - np.prod([1.0 - weight for weight in weights])
        return scores

    def score(self, source: str, memories: list[Id], neural: F64Array) -> F64Array:
        """Return fused scores of memories, shape (n,)."""
        return self.fusion.score(np.column_stack([neural, self.symbolic(source, memories)]))
