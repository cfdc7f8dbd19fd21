"""Analogies: which concepts of one domain correspond to which of another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import ConfigError, ShapeError

NEIGHBOURS = 10
ROUNDS = 6
LEAST_PAIRS = 4
FOLDS = 5
SHARED, OWN = 64, 48  # principal axes in which maps are fitted
PRIOR = 1.0  # weight of the identity beside the pairs
NO_PRIOR = 1e-6
CLEARLY = 1.5  # how much better a start that knows no directions must fit


class MappingType(Enum):
    """How one domain was laid over the other.

    Translation: both were centred on their own mean. Rotation: an orthogonal map was fitted
    besides, starting from centred directions or from the profiles of similarities alone.
    """

    Translation = "translation"
    Rotation = "rotation"


@dataclass(frozen=True, slots=True)
class Analogy:
    """A correspondence between two domains.

    Attributes
    ----------
    source, target : int
        Rows of the two domains' concepts.
    confidence : float
        In [0, 1]: by how much the pair is nearer than the next best choice of either side.
    mapping_type : MappingType
    """

    source: int
    target: int
    confidence: float
    mapping_type: MappingType


def find_analogies(
    sources: F32Array, targets: F32Array, *, least: float = 0.6, neighbours: int = NEIGHBOURS
) -> list[Analogy]:
    """Return mutual best correspondences between the concepts of two domains.

    Each domain is centred and scaled to directions. Pairs are mutual nearest neighbours under
    cross-domain local scaling, which takes hubs out: csls = 2 cos - r(source) - r(target), r being
    the mean cosine with the nearest neighbours on the other side. An orthogonal map is fitted to
    the pairs (Procrustes) and both steps repeat until they agree. That starts once from the
    centred directions and once from each concept's sorted similarities within its own domain,
    which a rotation leaves alone; the start whose pairs fit best is kept.

    Parameters
    ----------
    sources, targets : ndarray of float32, shape (m, dim) and (n, dim)
        Concepts of each domain.
    least : float
        Confidence from which a correspondence is returned.
    neighbours : int

    Raises
    ------
    ShapeError, ConfigError

    References
    ----------
    Conneau et al. (2018), CSLS; Artetxe, Labaka & Agirre (2018), profiles; Schönemann (1966).
    """
    if sources.ndim != 2 or targets.ndim != 2 or sources.shape[1] != targets.shape[1]:
        raise ShapeError(
            f"domains: expected shapes (m, dim) and (n, dim), got {sources.shape} and "
            f"{targets.shape}"
        )
    if not 0.0 <= least <= 1.0 or neighbours < 1:
        raise ConfigError(f"least, neighbours: got {least} and {neighbours}")
    if min(len(sources), len(targets)) < LEAST_PAIRS:
        return []
    x, y = _centred(sources), _centred(targets)
    both = _axes(np.concatenate([x, y]), SHARED)
    plain = _csls(x @ y.T, neighbours)
    profiles = _csls(_profiles(x) @ _profiles(y).T, neighbours)
    few = min(OWN, min(len(x), len(y)) // 3)
    turned = (x @ _axes(x, few), y @ _axes(y, few))
    fits = [
        (plain, MappingType.Translation),
        (_refined(x @ both, y @ both, plain, neighbours, PRIOR), MappingType.Rotation),
    ]
    blind = _refined(*turned, profiles, neighbours, NO_PRIOR)
    if _fitness(blind) > CLEARLY * max(_fitness(fit) for fit, _ in fits):
        fits = [(blind, MappingType.Rotation)]
    scores, kind = max(fits, key=lambda fit: _fitness(fit[0]))
    return [
        Analogy(int(i), int(j), float(c), kind)
        for i, j, c in zip(*_mutual(scores), strict=True)
        if c >= least
    ]


def _centred(rows: F32Array) -> F64Array:
    wide = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    unit: F64Array = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return unit


def _axes(rows: F64Array, most: int) -> F64Array:
    """Return the principal axes of rows, shape (dim, at most `most`)."""
    axes: F64Array = np.linalg.svd(rows, full_matrices=False)[2][:most].T
    return axes


def _profiles(rows: F64Array) -> F64Array:
    """Return each row's similarities within its domain, sorted and resampled to one length."""
    sorted_rows = np.sort(rows @ rows.T, axis=1)
    at = np.linspace(0, len(rows) - 1, 128)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, len(rows) - 1)
    profile = sorted_rows[:, low] + (at - low) * (sorted_rows[:, high] - sorted_rows[:, low])
    centred = profile - profile.mean(axis=0)
    unit: F64Array = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    return unit


def _csls(cosines: F64Array, neighbours: int) -> F64Array:
    m, n = cosines.shape
    near = np.sort(cosines, axis=1)[:, -min(neighbours, n) :].mean(axis=1)
    close = np.sort(cosines, axis=0)[-min(neighbours, m) :].mean(axis=0)
    scaled: F64Array = 2.0 * cosines - near[:, None] - close
    return scaled


def _refined(x: F64Array, y: F64Array, scores: F64Array, neighbours: int, prior: float) -> F64Array:
    """Alternate between pairs and maps; a concept is laid over by a map that has not seen it."""
    best = np.full_like(scores, -np.inf)
    folds = np.arange(len(x)) % FOLDS
    before: I64Array = np.zeros(0, np.int64)
    for _ in range(ROUNDS):
        sources, targets, confidence = _mutual(scores)
        pairs = sources * len(y) + targets
        if len(sources) < LEAST_PAIRS or np.array_equal(pairs, before):
            break
        before = pairs
        laid = np.empty((len(x), y.shape[1]))
        for fold in range(FOLDS):
            seen = folds[sources] != fold
            turn = _procrustes(x[sources[seen]], y[targets[seen]], confidence[seen], prior)
            laid[folds == fold] = x[folds == fold] @ turn
        scores = _csls(laid @ y.T, neighbours)
        if not np.isfinite(best).all() or _fitness(scores) > _fitness(best) + 1e-9:
            best = scores
    return best


def _procrustes(x: F64Array, y: F64Array, weights: F64Array, prior: float) -> F64Array:
    """Return the orthogonal map that lays x over y best, drawn to the identity by `prior`."""
    pull = (x * weights[:, None]).T @ y + prior * weights.sum() * np.eye(x.shape[1], y.shape[1])
    left, _, right = np.linalg.svd(pull, full_matrices=False)
    turn: F64Array = left @ right
    return turn


def _fitness(scores: F64Array) -> float:
    """Return the total margin of the mutual pairs, relative to how many there could be."""
    if not np.isfinite(scores).all():
        return 0.0
    _, _, confidence = _mutual(scores)
    return float(confidence.sum() / min(len(scores), scores.shape[1]))


def _mutual(scores: F64Array) -> tuple[I64Array, I64Array, F64Array]:
    """Return mutual best pairs and their confidence: the margin to the runner-up on a 0-1 scale."""
    forward, backward = scores.argmax(axis=1), scores.argmax(axis=0)
    sources = np.flatnonzero(backward[forward] == np.arange(len(scores)))
    targets = forward[sources]
    best = scores[sources, targets]
    rows = np.partition(scores[sources], -2, axis=1)[:, -2]
    columns = np.partition(scores[:, targets], -2, axis=0)[-2]
    margin = best - np.maximum(rows, columns)
    spread = max(float(scores.std()), 1e-12)
    return sources, targets, 1.0 - np.exp(-np.maximum(margin, 0.0) / spread)
