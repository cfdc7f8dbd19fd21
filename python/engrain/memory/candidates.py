"""What a request would rank: the rows behind a recall, for studies and ablations."""

from __future__ import annotations

from dataclasses import dataclass

from engrain.base.arrays import F32Array
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
        Before any learning here.
    control : ndarray of float32, shape (components,)
        Learned for static components alone; 0 for evidence.
    """

    ids: tuple[Id, ...]
    names: tuple[str, ...]
    rows: F32Array
    scores: F32Array
    weights: F32Array
    base: F32Array
    prior: F32Array
    control: F32Array
