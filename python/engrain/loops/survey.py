"""The neighbour graph and the domains of a material, kept from one run to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, I32Array, I64Array
from engrain.base.errors import SnapshotError
from engrain.kernels import code_lists, to_bfloat16
from engrain.loops.domains import Domains, identify_domains
from engrain.loops.folder import map_folder, write_folder
from engrain.loops.material import Material
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex, search_in

DOMAIN_COLUMNS = ("prototypes", "prototype_of", "domain_of", "weights")
LEAST_KNOWN = 0.9  # share of known memories below which a survey is made anew


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Neighbours and domains of memories.

    Attributes
    ----------
    handles : ndarray of int64, shape (n,)
        The memories surveyed, ascending.
    centres : ndarray of float32, shape (lists, dim)
    labels : ndarray of int64, shape (n,)
        Of the index in which the neighbours were searched.
    graph : NeighbourGraph
    domains : Domains
    looked_at : ndarray of int64
        Rows of new and touched memories.
    """

    handles: I64Array
    centres: F32Array
    labels: I64Array
    graph: NeighbourGraph
    domains: Domains
    looked_at: I64Array

    @classmethod
    def full(cls, material: Material, neighbours: int, seed: int) -> Survey:
        """Survey every memory."""
        index = NeighbourIndex.of_rows(material.vectors, seed=seed)
        graph = index.graph(neighbours)
        domains = identify_domains(index, graph, seed=seed)
        everything = np.arange(len(material))
        return cls(material.handles, index.centres, index.labels, graph, domains, everything)

    def updated(self, material: Material, touched: I64Array) -> Survey:
        """Return a survey of what the memories are now.

        The neighbours of new memories, and of those that lost many, are searched; others keep
        theirs, to which the new ones offer themselves. Lists, prototypes and domains stay as they
        are.

        Parameters
        ----------
        material : Material
        touched : ndarray of int64
            Handles.
        """
        place = _places(self.handles, material.handles)
        known = place >= 0
        labels = np.full(len(material), -1, np.int64)
        labels[known] = self.labels[place[known]]
        prototype = np.full(len(material), -1, np.int64)
        prototype[known] = self.domains.prototype_of[place[known]]
        rows = np.flatnonzero(~known)
        labels[rows] = _nearest(self.centres, material, rows)
        prototype[rows] = _nearest(self.domains.prototypes, material, rows)
        index = NeighbourIndex(material.vectors, self.centres, labels)
        graph = self._moved(material, place)
        rows = np.flatnonzero(~known | _lost(graph))
        _refresh(graph, rows, *index.nearest(rows, graph.rows.shape[1]))
        looked_at = np.flatnonzero(~known | np.isin(material.handles, touched))
        domains = Domains(
            self.domains.prototypes, prototype, self.domains.domain_of, self.domains.weights
        )
        return Survey(material.handles, self.centres, labels, graph, domains, looked_at)

    def _moved(self, material: Material, place: I64Array) -> NeighbourGraph:
        """Return the graph with today's row numbers; neighbours now gone leave their place."""
        k = self.graph.rows.shape[1]
        rows = np.full((len(material), k), -1, np.int32)
        cosines = np.full((len(material), k), -np.inf, np.float32)
        known = place >= 0
        same = len(self.handles)
        if np.array_equal(place[:same], np.arange(same)):  # only new ones, behind the others
            rows[:same], cosines[:same] = self.graph.rows, self.graph.cosines
            return NeighbourGraph(rows, cosines)
        renamed = _places(material.handles, self.handles).astype(np.int32)
        old = self.graph.rows[place[known]]
        new = np.where(old >= 0, renamed[np.maximum(old, 0)], -1)
        near = np.where(new >= 0, self.graph.cosines[place[known]], -np.inf)
        holes = np.flatnonzero((new < 0).any(axis=1))
        order = np.argsort(new[holes] < 0, axis=1, kind="stable")
        new[holes] = np.take_along_axis(new[holes], order, axis=1)
        near[holes] = np.take_along_axis(near[holes], order, axis=1)
        rows[known], cosines[known] = new, near
        return NeighbourGraph(rows, cosines)

    def save(self, folder: Path) -> None:
        """Write the survey to files that `open` maps; vectors are not part of it."""
        write_folder(
            folder,
            {
                "handles": self.handles,
                "centres": self.centres,
                "labels": self.labels,
                "rows": self.graph.rows,
                "cosines": self.graph.cosines,
                **{name: getattr(self.domains, name) for name in DOMAIN_COLUMNS},
            },
        )

    @classmethod
    def open(cls, folder: Path) -> Survey | None:
        """Return a saved survey, None where there is none."""
        try:
            kept = {name: np.array(array) for name, array in map_folder(folder).items()}
            domains = Domains(*(kept[name] for name in DOMAIN_COLUMNS))
            graph = NeighbourGraph(kept["rows"], kept["cosines"])
            columns = kept["handles"], kept["centres"], kept["labels"]
        except (SnapshotError, KeyError):
            return None
        return cls(*columns, graph, domains, np.zeros(0, np.int64))

    def fits(self, material: Material) -> bool:
        """Tell whether most of the memories are still those surveyed, in the same space."""
        known = int((_places(self.handles, material.handles) >= 0).sum())
        same_space = self.centres.shape[1] == material.vectors.shape[1]
        return same_space and known > LEAST_KNOWN * max(len(material), len(self.handles))


def _places(old: I64Array, new: I64Array) -> I64Array:
    """Return where each of `new` stands in `old`, both ascending; -1 where it does not."""
    if not len(old):
        return np.full(len(new), -1, np.int64)
    place = np.minimum(np.searchsorted(old, new), len(old) - 1)
    return np.where(old[place] == new, place, -1)


def _nearest(centres: F32Array, material: Material, rows: I64Array) -> I64Array:
    """Return the centre nearest to each of the rows."""
    if len(centres) == 1:
        return np.zeros(len(rows), np.int64)
    coarse = code_lists(to_bfloat16(centres), np.zeros(len(centres), np.int64), 1)
    vectors = np.ascontiguousarray(material.vectors[rows])
    return search_in(coarse, vectors, 1)[0][:, 0].astype(np.int64)


def _lost(graph: NeighbourGraph) -> BoolArray:
    """Tell which rows have lost half of their neighbours or more."""
    held = (graph.rows >= 0).sum(axis=1)
    lost: BoolArray = 2 * held <= min(graph.rows.shape[1], len(graph) - 1)
    return lost


def _refresh(graph: NeighbourGraph, rows: I64Array, found: I32Array, cosines: F32Array) -> None:
    """Write what was found for `rows`, and offer them to the neighbours that they found."""
    graph.rows[rows], graph.cosines[rows] = found, cosines
    offered = found >= 0
    goal = found[offered].astype(np.int64)
    source = np.repeat(rows, offered.sum(axis=1))
    value = cosines[offered]
    better = value > graph.cosines[goal, -1]
    better &= ~(graph.rows[goal] == source[:, None]).any(axis=1)
    goal, source, value = goal[better], source[better], value[better]
    goals = np.unique(goal)
    k = graph.rows.shape[1]
    all_goals = np.concatenate([np.repeat(goals, k), goal])
    all_rows = np.concatenate([graph.rows[goals].ravel().astype(np.int64), source])
    all_values = np.concatenate([graph.cosines[goals].ravel(), value])
    order = np.lexsort((all_rows, -all_values, all_goals))
    all_goals = all_goals[order]
    rank = np.arange(len(order)) - np.searchsorted(all_goals, all_goals)
    kept = rank < k
    graph.rows[all_goals[kept], rank[kept]] = all_rows[order][kept]
    graph.cosines[all_goals[kept], rank[kept]] = all_values[order][kept]
