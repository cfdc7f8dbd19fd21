"""A `Memory` as a graph of nodes and typed edges: what the deep loop works on."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import BoolArray, I64Array, U16Array
from engrain.loops.analogies import MappingType
from engrain.loops.domains import Domains, identify_domains
from engrain.loops.duplicates import MERGE_COSINE, near_duplicates
from engrain.loops.material import Change, Links, Material, Progress
from engrain.loops.neighbours import NeighbourIndex, unit_bfloat16
from engrain.loops.phases import ANALOGY_WEIGHT, worth
from engrain.loops.pruning import RELATIVE, weak_links
from engrain.loops.replay import LoggedQuestion
from engrain.loops.signals import EdgeType, EdgeUpdate
from engrain.memory import Memory
from engrain.memory.contents import Contents
from engrain.storage import Receipt

MOST_QUESTIONS = 400


class MemoryService:
    """Reads a memory as arrays, and logs changes of its graph as events that can be undone.

    Nodes are named by handle.

    Parameters
    ----------
    memory : Memory
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def material(self) -> Material:
        """Return the memories that are shown and have a vector."""
        contents = self.memory.contents()
        held: BoolArray = np.asarray(contents.vectors.any(axis=1), np.bool_)
        handles = contents.handles[held]
        texts = [text for text, kept in zip(contents.texts, held, strict=True) if kept]
        return Material(
            handles,
            unit_bfloat16(contents.vectors[held]) if held.any() else _no_vectors(contents),
            contents.accesses[held],
            contents.quality[held],
            contents.known_since[held],
            contents.accessed[held],
            contents.faded[held],
            _links(contents, handles),
            self._questions(handles),
            lambda row: texts[row] or "",
        )

    def apply(self, change: Change) -> None:
        """Log the change and wait until it is on disk."""
        self.memory.reorganise(change)
        self.memory.flush()

    def progress(self) -> Progress:
        """Return how far the last run came."""
        return self.memory.progress

    # -- single steps ---------------------------------------------------------------------------

    def get_all_nodes(self) -> Material:
        """Return every node with its usage; as `material`."""
        return self.material()

    def node_count(self) -> int:
        """Return the number of memories that are shown for themselves."""
        stats = self.memory.stats()
        return int(stats["memories"] - stats["merged"])

    def edge_count(self) -> int:
        """Return the number of links."""
        return int(self.memory.stats()["links"])

    def strengthen_edge(self, a: int, b: int, rate: float) -> Receipt:
        """Take one step ``w + rate (1 - w)`` of a link's weight, from 0 where there is none."""
        weight, kind = self.memory.link_of(a, b)
        return self._set(a, b, EdgeUpdate.Strengthen(rate).apply(weight), kind)

    def add_weak_edge(self, a: int, b: int, kind: EdgeType, strength: float) -> Receipt:
        """Link two memories, or give their link another kind and weight."""
        return self._set(a, b, strength, int(kind))

    def add_analogy_edge(
        self, source: int, target: int, mapping_type: MappingType, confidence: float
    ) -> Receipt:
        """Link what corresponds in two domains; the kind of mapping is kept in the event."""
        weight = ANALOGY_WEIGHT * confidence
        return self._set(source, target, weight, int(EdgeType.Analogy), mapping_type.value)

    def remove_edge(self, a: int, b: int) -> Receipt:
        """Remove a link."""
        return self._set(a, b, 0.0, 0)

    def decay_node(self, node: int) -> Receipt:
        """Let a memory fade: it is found as before, but links and dreams pass it over.

        It comes back in the first run after its next use.
        """
        return self.memory.reorganise(Change("decay", faded=np.array([node], np.int64)))

    def merge_nodes(self, primary: int, secondary: int) -> Receipt:
        """Show one memory for both; `Memory.undo` shows both again."""
        pair = np.array([[primary, secondary]], np.int64)
        return self.memory.reorganise(Change("merge", merged=pair))

    def find_near_duplicates(self, cosine: float = MERGE_COSINE) -> I64Array:
        """Return pairs (primary, secondary) that say the same, shape (m, 2)."""
        material = self.material()
        graph = NeighbourIndex.of_rows(material.vectors).graph()
        pairs = graph.near_pairs(np.arange(len(material)), cosine)
        found = near_duplicates(
            pairs, material.vectors, worth(material), text=material.text, cosine=cosine
        )
        return material.handles[found]

    def get_weak_edges(self, share: float = RELATIVE) -> I64Array:
        """Return the links that count little at both ends, shape (m, 2)."""
        material = self.material()
        links = material.links.where(weak_links(material.links, len(material), relative=share))
        return material.handles[np.stack([links.a, links.b], axis=1)]

    def identify_domains(self) -> Domains:
        """Return communities of memories that are near each other."""
        index = NeighbourIndex.of_rows(self.material().vectors)
        return identify_domains(index, index.graph())

    def _set(self, a: int, b: int, weight: float, kind: int, note: str = "") -> Receipt:
        before, kind_before = self.memory.link_of(a, b)
        change = Change(
            "edge",
            ends=np.array([sorted((a, b))], np.int64),
            before=np.array([before]),
            after=np.array([weight]),
            kinds_before=np.array([kind_before]),
            kinds_after=np.array([kind]),
            notes=(note,) if note else (),
        )
        return self.memory.reorganise(change)

    def _questions(self, handles: I64Array) -> tuple[LoggedQuestion, ...]:
        found = []
        for answered in self.memory.answered(MOST_QUESTIONS):
            ranked, _ = _rows(handles, answered.ranked)
            relevant, _ = _rows(handles, answered.relevant)
            found.append(LoggedQuestion(ranked, relevant))
        return tuple(found)


def _rows(handles: I64Array, wanted: I64Array) -> tuple[I64Array, BoolArray]:
    """Return the rows of those of `wanted` that are among the ascending `handles`, and which."""
    if not len(handles):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(handles, wanted), len(handles) - 1)
    held: BoolArray = handles[place] == wanted
    return place[held], held


def _links(contents: Contents, handles: I64Array) -> Links:
    _, first = _rows(handles, contents.ends[:, 0])
    _, second = _rows(handles, contents.ends[:, 1])
    held = first & second
    a, _ = _rows(handles, contents.ends[held, 0])
    b, _ = _rows(handles, contents.ends[held, 1])
    return Links(a, b, contents.weights[held], contents.kinds[held])


def _no_vectors(contents: Contents) -> U16Array:
    return np.zeros((0, max(1, contents.vectors.shape[1])), np.uint16)
