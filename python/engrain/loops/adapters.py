"""The two adapters of a query: a micro one that learns inline, a base one that keeps.

A query becomes ``y = x + B^T A x + b^T a x``. Factors are stored as the kernels take them: `a` and
`b` both of shape (rank, dim).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain import kernels
from engrain.base.arrays import F32Array, F64Array, as_vector
from engrain.base.errors import ConfigError, ShapeError, SnapshotError
from engrain.kernels import apply_lora


class MicroLoRA(kernels.MicroLoRA):
    """The inline adapter, taught which memories of a recall were used.

    Parameters
    ----------
    dim, rank, learning_rate, scale, decay, epsilon, seed
        As in `engrain.kernels.MicroLoRA`.
    """

    @property
    def a_micro(self) -> F32Array:
        """Factor a, shape (rank, dim)."""
        return self.a

    @property
    def b_micro(self) -> F32Array:
        """Factor b, shape (rank, dim); 0 as long as nothing was learned."""
        return self.b

    def micro_update(
        self, query: F32Array, used: F32Array, unused: F32Array, *, advantage: float
    ) -> None:
        """Take one exact step of both factors on a ranking loss weighted by the advantage.

        With ``d = mean(used) - mean(unused)`` and ``y`` the adapted query, the loss is
        ``-advantage log sigmoid(y . d)``: a good outcome turns the query toward what was used,
        a bad one away from it.

        Parameters
        ----------
        query : ndarray of float32, shape (dim,)
        used, unused : ndarray of float32, shapes (n, dim) and (m, dim)
            Vectors of the memories; either may be empty, which stands for the origin.
        advantage : float
            Reward minus the reward expected here. Without this centring a bad outcome would teach
            the same as a good one.

        Raises
        ------
        ShapeError, NonFiniteError
            Before anything changes.
        ConfigError
            `advantage` is not finite.

        References
        ----------
        Williams (1992) for the baseline; Burges et al. (2005) for the pairwise loss.
        """
        if not np.isfinite(advantage):
            raise ConfigError(f"advantage: expected a finite number, got {advantage!r}")
        x = as_vector(query, self.dim, "query")
        direction = _mean(used, self.dim, "used") - _mean(unused, self.dim, "unused")
        self.follow(x, as_vector(direction, self.dim, "used"), advantage)

    def follow(self, query: F32Array, direction: F32Array, advantage: float) -> None:
        """Take the step of `micro_update` for a known direction, used less unused memories.

        Raises
        ------
        ShapeError, NonFiniteError
        """
        x, towards = as_vector(query, self.dim, "x"), as_vector(direction, self.dim, "direction")
        told = np.array([advantage], dtype=np.float32)
        self.study(x[None], towards[None], told, np.zeros(1, dtype=np.int64))


class BaseLoRA:
    """The lasting adapter: of rank 0 at first, grown by merges up to `max_rank`.

    Parameters
    ----------
    dim : int
    max_rank : int
        In 1..64.

    Attributes
    ----------
    a, b : ndarray of float32, shape (rank, dim)
    """

    def __init__(self, dim: int, max_rank: int = 16) -> None:
        if dim < 1 or not 1 <= max_rank <= 64:
            raise ConfigError(
                f"dim, max_rank: expected dim > 0 and max_rank in 1..64, got {dim}, {max_rank}"
            )
        self.dim, self.max_rank = dim, max_rank
        self.a: F32Array = np.zeros((0, dim), dtype=np.float32)
        self.b: F32Array = np.zeros((0, dim), dtype=np.float32)

    @property
    def rank(self) -> int:
        """Number of components, 0 as long as nothing was merged."""
        return len(self.a)

    def apply(self, x: F32Array) -> F32Array:
        """Return the adapted rows of `x`, shape (n, dim); bit for bit `x` at rank 0."""
        if not self.rank:
            return x.copy()
        return apply_lora(self.a[None], self.b[None], x)

    def merge(self, a: F32Array, b: F32Array, share: float = 1.0) -> float:
        """Add ``share b^T a`` and return the share of the energy that `max_rank` could not keep.

        The sum is exact: factors are concatenated, ``[B; share b]^T [A; a]``, and only then
        recompressed by QR and a small SVD, which is the best approximation of its rank
        (Eckart & Young 1936). Adding the factors themselves would add the cross terms
        ``B^T a + b^T A`` that nobody learned.

        Parameters
        ----------
        a, b : ndarray of float32, shape (rank, dim)
        share : float
            In (0, 1].

        Returns
        -------
        float
            ``|lost|^2 / |whole|^2`` in the Frobenius norm, in [0, 1).

        Raises
        ------
        ShapeError, ConfigError
            Nothing was changed.
        """
        if a.ndim != 2 or a.shape != b.shape or a.shape[1] != self.dim:
            raise ShapeError(
                f"a, b: expected one shape (rank, {self.dim}), got {a.shape} and {b.shape}"
            )
        if not 0.0 < share <= 1.0:
            raise ConfigError(f"share: expected a number in (0, 1], got {share!r}")
        rows = np.concatenate([self.a, a]).astype(np.float64)
        columns = np.concatenate([self.b, share * b.astype(np.float64)])
        self.a, self.b, lost = _recompressed(rows, columns, self.max_rank)
        return lost

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned: restores bit for bit with `load`."""
        return {"a": self.a.copy(), "b": self.b.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        SnapshotError
            Factors of another width or dtype, of unequal rank, or of more than `max_rank`.
        """
        a, b = state["a"], state["b"]
        for name, factor in (("a", a), ("b", b)):
            fits = factor.ndim == 2 and factor.shape[1] == self.dim and factor.shape == a.shape
            if not fits or len(factor) > self.max_rank or factor.dtype != np.float32:
                raise SnapshotError(
                    f"{name}: expected float32 of shape (at most {self.max_rank}, {self.dim}), got "
                    f"{factor.dtype} {factor.shape}"
                )
            if not np.isfinite(factor).all():
                raise SnapshotError(f"{name}: holds NaN or infinity")
        self.a, self.b = np.array(a, order="C"), np.array(b, order="C")


def adapt(x: F32Array, base: BaseLoRA, micro: MicroLoRA) -> F32Array:
    """Return ``x + B^T A x + b^T a x`` for rows `x`, shape (n, dim).

    Both adapters read the same input, so that a merge moves weight between them and leaves the sum
    as it is.
    """
    y = base.apply(x)
    if micro.updates:
        y += apply_lora(micro.a[None], micro.b[None], x, scale=micro.scale) - x
    return y


def _mean(rows: F32Array, dim: int, name: str) -> F32Array:
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise ShapeError(f"{name}: expected shape (n, {dim}), got {rows.shape}")
    if not len(rows):
        return np.zeros(dim, dtype=np.float32)
    return as_vector(rows.mean(axis=0, dtype=np.float64), dim, name)


def _recompressed(a: F64Array, b: F64Array, max_rank: int) -> tuple[F32Array, F32Array, float]:
    qa, ra = np.linalg.qr(a.T)
    qb, rb = np.linalg.qr(b.T)
    left, values, right = np.linalg.svd(rb @ ra.T)
    energy = values**2
    # float32 cannot hold components below its own rounding of the largest one
    kept = min(max_rank, int((values > 1e-9 * values[:1]).sum()))
    root = np.sqrt(values[:kept])
    new_a = (root[:, None] * (right[:kept] @ qa.T)).astype(np.float32)
    new_b = (root[:, None] * (left[:, :kept].T @ qb.T)).astype(np.float32)
    whole = energy.sum()
    return new_a, new_b, float(energy[kept:].sum() / whole) if whole > 0 else 0.0
