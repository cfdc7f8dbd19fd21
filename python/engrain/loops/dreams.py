"""Dreams: walks over the memory graph that propose links, and the test that they must pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array, U16Array
from engrain.base.errors import ConfigError
from engrain.kernels import from_bfloat16
from engrain.loops.material import Links
from engrain.loops.neighbours import NeighbourGraph
from engrain.loops.replay import LoggedQuestion, linked_rows, reciprocal_rank, shown_rows
from engrain.loops.signals import EdgeType

NOVEL = (0.3, 0.8)  # cosines between which an unlinked pair is neither strange nor a repetition
WEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Dream:
    """One walk.

    Attributes
    ----------
    path : ndarray of int64, shape (length + 1,)
        Rows of memories.
    novelty : float
        Share of the pairs (start, later memory) that are unlinked and of middling cosine.
    coherence : float
        Mean cosine of consecutive memories.
    novel : ndarray of int64
        Later memories of those pairs, each once.
    strength : ndarray of float64
        Cosine of each with the start.
    """

    path: I64Array
    novelty: float
    coherence: float
    novel: I64Array
    strength: F64Array


class DreamEngine:
    """Walks on the neighbour graph, from valuable memories on.

    Parameters
    ----------
    graph : NeighbourGraph
    vectors : ndarray of uint16, shape (n, dim)
        bfloat16 rows of length 1.
    seed : int
    """

    def __init__(self, graph: NeighbourGraph, vectors: U16Array, *, seed: int = 0) -> None:
        self._graph, self._vectors = graph, vectors
        self._rng = np.random.Generator(np.random.Philox(seed))

    def generate_dream(self, start: int, dream_length: int, creativity_temperature: float) -> Dream:
        """Walk from one memory; as `generate_dreams`."""
        starts = np.array([start], np.int64)
        return self.generate_dreams(starts, dream_length, creativity_temperature)[0]

    def generate_dreams(
        self, starts: I64Array, dream_length: int, creativity_temperature: float
    ) -> list[Dream]:
        """Walk from each of `starts`, all walks in step.

        A step goes to a neighbour with odds cos^(1 / temperature), and never straight back.

        Parameters
        ----------
        starts : ndarray of int64, shape (walks,)
        dream_length : int
        creativity_temperature : float
            Above 0: 1 follows the cosines, more flattens them.

        Raises
        ------
        ConfigError

        References
        ----------
        Grover & Leskovec (2016), biased walks; Gumbel (1954), sampling by maxima.
        """
        if dream_length < 1 or not creativity_temperature > 0:
            raise ConfigError(
                "dream_length, creativity_temperature: expected at least 1 and above 0, got "
                f"{dream_length} and {creativity_temperature}"
            )
        paths = self._walk(starts, dream_length, creativity_temperature)
        return [self._dream(path) for path in paths]

    def _walk(self, starts: I64Array, length: int, temperature: float) -> I64Array:
        paths = np.empty((len(starts), length + 1), np.int64)
        paths[:, 0] = starts
        for step in range(length):
            here = paths[:, step]
            near, cosines = self._graph.rows[here], self._graph.cosines[here]
            back = near == paths[:, [max(step - 1, 0)]] if step else near < 0
            odds = np.where((near >= 0) & ~back & (cosines > 0), cosines, 0.0)
            with np.errstate(divide="ignore"):
                keys = np.log(odds) / temperature + self._rng.gumbel(size=odds.shape)
            best = keys.argmax(axis=1)
            stuck = ~np.isfinite(keys.max(axis=1))
            paths[:, step + 1] = np.where(stuck, here, near[np.arange(len(here)), best])
        return paths

    def _dream(self, path: I64Array) -> Dream:
        rows = from_bfloat16(np.ascontiguousarray(self._vectors[path])).astype(np.float64)
        coherence = float(np.einsum("ij,ij->i", rows[:-1], rows[1:]).mean())
        later, first = np.unique(path[1:], return_index=True)
        cosines = rows[1 + first] @ rows[0]
        linked = np.isin(later, self._graph.rows[path[0]]) | (later == path[0])
        novel = ~linked & (cosines > NOVEL[0]) & (cosines < NOVEL[1])
        share = float(np.isin(path[1:], later[novel]).mean())
        return Dream(path, share, coherence, later[novel], cosines[novel])


def proposals(dreams: Sequence[Dream], *, novelty: float, coherence: float) -> Links:
    """Return the links that dreams of more than this novelty and coherence propose."""
    kept = [dream for dream in dreams if dream.novelty > novelty and dream.coherence > coherence]
    if not kept:
        return Links.none()
    starts = np.concatenate([np.full(len(d.novel), d.path[0]) for d in kept])
    ends = np.concatenate([d.novel for d in kept])
    strength = np.concatenate([d.strength for d in kept])
    return Links.between(starts, ends, WEIGHT * strength, int(EdgeType.Creative))


def proven(
    proposed: Links, held: Links, questions: Sequence[LoggedQuestion], *, seed: int = 0
) -> BoolArray:
    """Tell which proposed links replaying logged questions proves useful, shape (m,).

    Questions are split in two at random. On the first half each link must bring an answer into the
    linked neighbours that was not shown without it; then the chosen links together must raise the
    mean reciprocal rank of the second half, which did not choose them. Otherwise none is taken.

    Parameters
    ----------
    proposed, held : Links
        New ones, and those in force.
    questions : sequence of LoggedQuestion
    seed : int
    """
    training, testing = halves(questions, seed)
    chosen = _helpful(proposed, held, training)
    if not chosen.any():
        return chosen
    before = adjacency(held)
    after = adjacency(held.joined(proposed.where(chosen)))
    gain = sum(reciprocal_rank(q, after, {}) - reciprocal_rank(q, before, {}) for q in testing)
    return chosen if gain > 0 else np.zeros(len(proposed), np.bool_)


def halves(
    questions: Sequence[LoggedQuestion], seed: int
) -> tuple[list[LoggedQuestion], list[LoggedQuestion]]:
    """Split questions in two at random: those that choose links, and those that judge them."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(questions))
    return [questions[i] for i in order[::2]], [questions[i] for i in order[1::2]]


def still_useful(links: Links, kinds: BoolArray, questions: Sequence[LoggedQuestion]) -> BoolArray:
    """Tell which links of the chosen kinds bring an answer today, shape (m,); others count so."""
    helpful = _helpful(links.where(kinds), links.where(~kinds), questions)
    answer = np.ones(len(links), np.bool_)
    answer[kinds] = helpful
    return answer


def _helpful(proposed: Links, held: Links, questions: Sequence[LoggedQuestion]) -> BoolArray:
    """Tell which proposed links bring answers that are not shown without them."""
    if not questions or not len(proposed):
        return np.zeros(len(proposed), np.bool_)
    before, places = adjacency(held), _places(proposed)
    together = adjacency(held.joined(proposed))
    used = np.zeros(len(proposed), np.bool_)
    for question in questions:
        hits, linked = shown_rows(question, before, {})
        missing = set(question.relevant.tolist()) - set(hits) - set(linked)
        for answer in missing & set(linked_rows(hits, together, {})):
            for hit in hits:
                place = places.get((min(hit, answer), max(hit, answer)))
                if place is not None:
                    used[place] = True
    return used


def adjacency(links: Links) -> dict[int, list[tuple[int, float]]]:
    """Return the neighbours of each linked row with the links' weights."""
    rows: dict[int, list[tuple[int, float]]] = {}
    for a, b, weight in zip(
        links.a.tolist(), links.b.tolist(), links.weights.tolist(), strict=True
    ):
        rows.setdefault(a, []).append((b, weight))
        rows.setdefault(b, []).append((a, weight))
    return rows


def _places(links: Links) -> dict[tuple[int, int], int]:
    return {pair: i for i, pair in enumerate(zip(links.a.tolist(), links.b.tolist(), strict=True))}
