"""NeuroSymbolicTriples: events as N-Triples."""

from __future__ import annotations

from engrain.learning.experience import Experience
from engrain.learning.formats.full_json import Event
from engrain.learning.neuro_symbolic.ntriples import to_ntriples
from engrain.learning.neuro_symbolic.reasoner import event_triples
from engrain.learning.neuro_symbolic.triples import Triple


class NeuroSymbolicTriples:
    """What an event states, as weighted triples and as RDF."""

    name = "neuro_symbolic_triples"

    def triples(self, event: Event) -> list[Triple]:
        """Return the triples of an event."""
        if isinstance(event, Experience):
            event = event.retrieval
        return list(event_triples(event))

    def encode(self, event: Event) -> str:
        """Write an event as N-Triples."""
        return to_ntriples(self.triples(event))
