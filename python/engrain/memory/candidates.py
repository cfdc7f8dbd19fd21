"""What a request would rank: the rows behind a recall, for studies and ablations."""

from __future__ import annotations

from dataclasses import dataclass

from engrain.base.arrays import BoolArray, F32Array
from engrain.base.ids import Id


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every candidate of a request with its component scores, in order of insertion.

    Attributes
    ----------
    ids : tuple of id
    names : tuple of str
        Components, in the order of the columns.
    rows : ndarray of float32, shape (candidates, components)
    scores : ndarray of float32, shape (candidates,)
        By which `Memory.recall` ranks, ties by insertion.
    weights : ndarray of float32, shape (components,)
        Learned.
    base : ndarray of float32, shape (components,)
        Of the static base, BM25 + cosine.
    prior : ndarray of float32, shape (components,)
        Before any feedback: of static components, 0 for evidence.
    fixed : ndarray of float32, shape (components,)
        The fixed mix of its kind of memory.
    control : ndarray of float32, shape (components,)
        Learned for static components alone; 0 for evidence.
    static : ndarray of bool, shape (candidates,)
        Proposed without evidence.
    """

    ids: tuple[Id, ...]
    names: tuple[str, ...]
    rows: F32Array
    scores: F32Array
    weights: F32Array
    base: F32Array
    prior: F32Array
    fixed: F32Array
    control: F32Array
    static: BoolArray
