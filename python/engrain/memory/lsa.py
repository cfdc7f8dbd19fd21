"""Latent semantic analysis of the memory's own texts (Deerwester et al. 1990).

Texts become tf-idf vectors, (1 + ln tf)(1 + ln N/df), unit length; their matrix A is approximated
by its first singular vectors, A ≈ U Σ Vᵀ, found by a randomized range finder with power iterations
(Halko, Martinsson and Tropp 2011). A text is placed at its tf-idf vector times V.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels import multiply_sparse
from engrain.kernels.index import count_terms_of
from engrain.memory.index import unit_rows

OVERSAMPLING, POWER_ITERATIONS = 10, 3
MAX_TERMS = 20_000
NEIGHBOURS = {1: 0.6, 2: 0.3}  # what a text so many places away counts in a window


@dataclass(frozen=True, slots=True)
class Counts:
    """Terms of several texts: text i has ids[starts[i]:starts[i + 1]], each so often."""

    starts: I64Array
    ids: I32Array
    counts: F32Array

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Basis:
    """What was learned from texts.

    Attributes
    ----------
    terms : ndarray of int32, shape (v,)
        Ascending.
    idf : ndarray of float32, shape (v,)
    vectors : ndarray of float32, shape (v, dim)
        Right singular vectors.
    """

    terms: I32Array
    idf: F32Array
    vectors: F32Array


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A matrix in compressed rows: row i holds `values` at `columns` from starts[i]."""

    starts: I64Array
    columns: I32Array
    values: F32Array
    width: int

    def times(self, dense: F32Array) -> F32Array:
        return multiply_sparse(self.starts, self.columns, self.values, dense)

    def transposed(self) -> SparseRows:
        rows = np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
        order = np.argsort(self.columns, kind="stable")
        starts = np.zeros(self.width + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.columns, minlength=self.width), out=starts[1:])
        return SparseRows(starts, rows[order], self.values[order], len(self.starts) - 1)


class LsaEmbedder:
    """Corpus LSA: related words share directions, learned from the texts given to `fit`.

    Fitting is explicit. Its result, not the fitting, is what a log should keep (`state`): the SVD
    goes through BLAS, whose last bits differ between machines.

    Parameters
    ----------
    dim : int
        Number of singular vectors.
    seed : int
        Of the random projection.
    """

    def __init__(self, dim: int = 128, seed: int = 0) -> None:
        if dim < 1:
            raise ConfigError(f"dim: expected at least 1, got {dim}")
        self.dim, self.seed = dim, seed
        self._take(np.empty(0, np.int32), np.empty(0, np.float32), np.empty((0, dim), np.float32))

    @property
    def fitted(self) -> bool:
        """Whether there is a basis to embed with."""
        return len(self._terms) > 0

    def fit(self, texts: Sequence[str]) -> LsaEmbedder:
        """Learn the basis from `texts`; terms of fewer than two texts are left out.

        Raises
        ------
        ConfigError
            No term occurs in two texts.
        """
        basis = learn_basis(count_texts(texts), self.dim, self.seed)
        self._take(basis.terms, basis.idf, basis.vectors)
        return self

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors, shape (len(texts), dim); zero for a text without known terms.

        Raises
        ------
        ConfigError
            `fit` or `load` has not been called.
        """
        if not self.fitted:
            raise ConfigError("this LsaEmbedder has no basis yet: call fit(texts) first")
        matrix = weigh(count_texts(texts), self._terms, self._idf)
        return unit_rows(matrix.times(self._basis))

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return ``terms`` int32 (v,), ``idf`` float32 (v,) and ``basis`` float32 (v, dim)."""
        return {"terms": self._terms, "idf": self._idf, "basis": self._basis}

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The arrays do not fit each other or `dim`.
        """
        terms, idf, basis = (np.ascontiguousarray(state[key]) for key in ("terms", "idf", "basis"))
        if basis.shape != (len(terms), self.dim) or idf.shape != terms.shape:
            raise SnapshotError(f"LSA state of shape {basis.shape} does not fit dim {self.dim}")
        self._take(terms.astype(np.int32), idf.astype(np.float32), basis.astype(np.float32))

    def _take(self, terms: I32Array, idf: F32Array, basis: F32Array) -> None:
        self._terms, self._idf, self._basis = terms, idf, basis
        digest = hashlib.sha256(terms.tobytes() + basis.tobytes()).hexdigest()[:12]
        self.name = f"lsa-{self.dim}-{digest if len(terms) else 'unfitted'}"


def count_texts(texts: Sequence[str]) -> Counts:
    """Return the terms of texts, as the lexical index counts them."""
    counted = [count_terms_of(text) for text in texts]
    starts = np.cumsum([0, *(len(ids) for ids, _ in counted)], dtype=np.int64)
    ids = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in counted)])
    counts = np.concatenate([np.empty(0, np.float32), *(counts for _, counts in counted)])
    return Counts(starts, ids, counts)


def learn_basis(texts: Counts, dim: int, seed: int = 0, sequences: I64Array | None = None) -> Basis:
    """Learn from texts where terms lie; terms of fewer than two texts are left out.

    Texts may belong to `sequences`, int64 (n,), each in the order given, -1 for none: then words go
    together where they stand in the window of a text and its two neighbours on either side.

    Raises
    ------
    ConfigError
        No term occurs in two texts.
    """
    terms, df = np.unique(texts.ids, return_counts=True)
    kept = np.sort(np.argsort(-df, kind="stable")[:MAX_TERMS])
    kept = kept[df[kept] >= 2]
    if kept.size == 0:
        raise ConfigError("LSA needs at least two texts that share a word")
    terms, df = terms[kept].astype(np.int32), df[kept]
    idf = (1 + np.log(len(texts) / df)).astype(np.float32)
    matrix = weigh(texts, terms, idf)
    around = unmixed if sequences is None else partial(add_neighbours, sequences)
    return Basis(terms, idf, right_singular_vectors(matrix, dim, seed, around))


def unmixed(rows: F32Array) -> F32Array:
    """Return rows of texts as they are."""
    return rows


def add_neighbours(sequences: I64Array, rows: F32Array) -> F32Array:
    """Return rows of texts with those of their neighbours added: a symmetric map over texts."""
    order = np.argsort(sequences, kind="stable")
    ordered, line = rows[order], sequences[order]
    summed = ordered.copy()
    for steps, weight in NEIGHBOURS.items():
        same = ((line[steps:] == line[:-steps]) & (line[steps:] >= 0))[:, None]
        summed[steps:] += np.where(same, weight * ordered[:-steps], np.float32(0))
        summed[:-steps] += np.where(same, weight * ordered[steps:], np.float32(0))
    found = np.empty_like(summed)
    found[order] = summed
    return found


def weigh(texts: Counts, terms: I32Array, idf: F32Array) -> SparseRows:
    """Return unit tf-idf rows of texts; unknown terms are left out."""
    row = np.repeat(np.arange(len(texts)), np.diff(texts.starts))
    column = np.minimum(np.searchsorted(terms, texts.ids), len(terms) - 1)
    known = terms[column] == texts.ids
    row, column, counts = row[known], column[known].astype(np.int32), texts.counts[known]
    values = (1 + np.log(counts)) * idf[column]
    length = np.sqrt(np.bincount(row, values * values, minlength=len(texts)))
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.bincount(row, minlength=len(texts)), out=starts[1:])
    return SparseRows(starts, column, (values / length[row]).astype(np.float32), len(terms))


def right_singular_vectors(
    matrix: SparseRows, dim: int, seed: int, mix: Callable[[F32Array], F32Array] = unmixed
) -> F32Array:
    """Return V, shape (width, dim), of the randomized SVD; zero columns beyond the rank.

    The matrix is taken after `mix`, a symmetric linear map over its rows.
    """
    across = matrix.transposed()
    sampled = min(dim + OVERSAMPLING, matrix.width, across.width)
    sketch = np.random.default_rng(seed).standard_normal((matrix.width, sampled), np.float32)
    for _ in range(POWER_ITERATIONS):
        sketch = orthonormal(across.times(mix(orthonormal(mix(matrix.times(sketch))))))
    directions, _ = principal_directions(mix(matrix.times(sketch)))
    found = sketch @ directions[:, :dim]
    return np.pad(found, ((0, 0), (0, dim - found.shape[1])))


def orthonormal(columns: F32Array) -> F32Array:
    """Return an orthonormal basis of the columns' span."""
    directions, lengths = principal_directions(columns)
    return columns @ (directions / lengths)


def principal_directions(columns: F32Array) -> tuple[F32Array, F32Array]:
    """Return the right singular vectors of full rank and their singular values, largest first.

    By the eigenvectors of the Gram matrix: taken in float64 it tells singular values apart as far
    as float32 columns hold them, at a small part of what a QR or SVD of the tall matrix costs.
    """
    tall = columns.astype(np.float64)
    squares, directions = np.linalg.eigh(tall.T @ tall)
    kept = squares > squares[-1] * np.finfo(np.float32).eps ** 2
    order = np.flatnonzero(kept)[::-1]
    return (
        np.ascontiguousarray(directions[:, order], np.float32),
        np.sqrt(squares[order]).astype(np.float32),
    )
