"""Spike-timing-dependent plasticity, event driven, dense and sparse."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, isfinite
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain import _kernels
from engrain.base.arrays import F64Array, I32Array, I64Array
from engrain.base.errors import ConfigError

Weights = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class StdpRule:
    """Pair and triplet rules.

    A presynaptic spike depresses by ``A-(w) y``, a postsynaptic one potentiates by ``A+(w) x``,
    where x and y are the traces of the other side's earlier spikes.
    ``A+(w) = a_plus u**mu`` and ``A-(w) = a_minus (1 - u)**mu`` with
    ``u = (w_max - w) / (w_max - w_min)`` (Bi & Poo 1998; Morrison, Diesmann & Gerstner 2008).
    Triplets add ``a3_plus y2`` to `a_plus` and ``a3_minus x2`` to `a_minus`
    (Pfister & Gerstner 2006).

    Attributes
    ----------
    a_plus, a_minus, a3_plus, a3_minus : float
    tau_plus, tau_minus, tau_x, tau_y : float
        Milliseconds; of x, y, x2 and y2.
    dt : float
        Length of a step in milliseconds.
    w_min, w_max : float
    mu : float
        0 additive, 1 multiplicative, between them a power law.
    pairing : {"all_to_all", "nearest"}

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    a_plus: float = 0.005
    a_minus: float = 0.00525
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    dt: float = 1.0
    w_min: float = 0.0
    w_max: float = 1.0
    mu: float = 0.0
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"
    a3_plus: float = 0.0
    a3_minus: float = 0.0
    tau_x: float = 101.0
    tau_y: float = 125.0
    native: _kernels.StdpRule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("tau_plus", "tau_minus", "tau_x", "tau_y", "dt"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ConfigError(f"{name}: must be above 0 ms, got {getattr(self, name)}")
        for name in ("a_plus", "a_minus", "a3_plus", "a3_minus", "w_min", "w_max", "mu"):
            if not isfinite(getattr(self, name)):
                raise ConfigError(f"{name}: must be finite, got {getattr(self, name)}")
        if not self.w_min < self.w_max:
            raise ConfigError(f"w_min: must be below w_max, got {self.w_min} and {self.w_max}")
        if self.mu < 0:
            raise ConfigError(f"mu: must be 0 or above, got {self.mu}")
        if self.pairing not in ("all_to_all", "nearest"):
            raise ConfigError(f"pairing: must be all_to_all or nearest, got {self.pairing!r}")
        native = _kernels.StdpRule(
            self.a_plus,
            self.a_minus,
            self.a3_plus,
            self.a3_minus,
            exp(-self.dt / self.tau_plus),
            exp(-self.dt / self.tau_minus),
            exp(-self.dt / self.tau_x),
            exp(-self.dt / self.tau_y),
            self.w_min,
            self.w_max,
            self.mu,
            self.pairing == "nearest",
        )
        object.__setattr__(self, "native", native)

    @property
    def triplet(self) -> bool:
        """Whether a triplet term is in use."""
        return bool(self.a3_plus or self.a3_minus)


class Spikes(NamedTuple):
    """Spikes of a population over steps; those of step s are ``ids[start[s]:start[s + 1]]``.

    Attributes
    ----------
    start : ndarray of int64, shape (steps + 1,)
    ids : ndarray of int32
        Neurons.
    """

    start: I64Array
    ids: I32Array

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.start) - 1

    def part(self, begin: int, end: int) -> Spikes:
        """Return the steps from `begin` to before `end`."""
        return Spikes(self.start[begin : end + 1], self.ids)


def poisson_spikes(n: int, steps: int, rate: float, *, dt: float = 1.0, seed: int = 0) -> Spikes:
    """Return independent Poisson spikes of `n` neurons, drawn by skipping over the silent cells.

    Parameters
    ----------
    n : int
    steps : int
    rate : float
        Hertz; ``rate * dt / 1000`` must be below 1.
    dt : float
        Milliseconds.
    seed : int

    Raises
    ------
    ValueError
        The probability of a spike per step is not in [0, 1).
    """
    probability = rate * dt / 1000
    expected = n * steps * probability
    room = int(expected + 8 * np.sqrt(expected) + 64)
    start = np.empty(steps + 1, dtype=np.int64)
    while True:
        ids = np.empty(room, dtype=np.int32)
        count = _kernels.poisson_spikes(n, probability, seed, start, ids)
        if count <= room:
            return Spikes(start, ids[:count])
        room = count


def step_stdp(
    weights: Weights,
    x: Weights,
    y: Weights,
    pre: I64Array,
    post: I64Array,
    rule: StdpRule,
    x2: Weights | None = None,
    y2: Weights | None = None,
) -> None:
    """Take one step on a dense matrix, in place: decay, depress, potentiate, then mark the spikes.

    Parameters
    ----------
    weights : ndarray of float32 or float64, shape (n_pre, n_post)
    x, y : ndarray of the same dtype, shapes (n_pre,) and (n_post,)
        Traces.
    pre, post : ndarray of int64
        Neurons that spike in this step, each once.
    rule : StdpRule
    x2, y2 : ndarray, optional
        Slow traces; needed for triplets.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or a neuron is out of range.
    """
    if rule.triplet and (x2 is None or y2 is None):
        raise ConfigError("x2, y2: a triplet rule needs the slow traces")
    _kernels.step_stdp(weights, x, y, x2, y2, pre, post, rule.native)


_SPAN = 65536  # neurons of a side whose numbers fit 16 bits


def _starts(sorted_ids: I64Array, n: int) -> npt.NDArray[np.uint32]:
    return np.searchsorted(sorted_ids, np.arange(n + 1)).astype(np.uint32)


def _together(*arrays: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Copy arrays into one allocation: from 4 MiB on NumPy asks for huge pages for it."""
    starts = np.cumsum([0, *(-(-array.nbytes // 64) * 64 for array in arrays)])
    whole = np.empty(int(starts[-1]), dtype=np.uint8)
    copies = []
    for array, start in zip(arrays, starts.tolist(), strict=False):
        copy = whole[start : start + array.nbytes].view(array.dtype)
        copy[:] = array
        copies.append(copy)
    return copies


class _Partition:
    """Synapses between two spans of neurons, and the tags that dopamine turns into weight."""

    def __init__(
        self, pre: I64Array, post: I64Array, weights: Weights, corner: tuple[int, int, int, int]
    ) -> None:
        self.pre_offset, n_pre, self.post_offset, n_post = corner
        order = np.lexsort((post, pre))
        pre, post = pre[order] - self.pre_offset, post[order] - self.post_offset
        place = np.lexsort((pre, post))
        self.weight, row, target, column, source, where = _together(
            weights[order],
            _starts(pre, n_pre),
            post.astype(np.uint16),
            _starts(post[place], n_post),
            pre[place].astype(np.uint16),
            place.astype(np.uint32),
        )
        kind = _kernels.SynapsesF32 if weights.dtype == np.float32 else _kernels.SynapsesF64
        self.native = kind(
            self.weight, row, target, column, source, where, self.pre_offset, self.post_offset
        )
        self.order = order
        self.pre = slice(self.pre_offset, self.pre_offset + n_pre)
        self.post = slice(self.post_offset, self.post_offset + n_post)
        self.tag: Weights | None = None
        self.pairs: Weights | None = None

    def remember_tags(self) -> None:
        if self.tag is None:
            self.tag = np.zeros_like(self.weight)
            self.pairs = np.empty(2 * len(self.weight), dtype=self.weight.dtype)


class Synapses:
    """Sparse connections under STDP.

    Parameters
    ----------
    pre, post : ndarray of int
        Neurons that each synapse joins, shape (n,).
    weights : ndarray of float32 or float64, shape (n,)
        Copied; their dtype is the precision of the whole simulation.
    n_pre, n_post : int

    Attributes
    ----------
    x, y, x2, y2 : ndarray
        Traces of the two populations.

    Raises
    ------
    TypeError
        Weights of another dtype.
    ValueError
        A neuron is out of range, or shapes do not agree.
    """

    def __init__(
        self,
        pre: npt.ArrayLike,
        post: npt.ArrayLike,
        weights: Weights,
        n_pre: int,
        n_post: int,
    ) -> None:
        sources, targets = np.asarray(pre, dtype=np.int64), np.asarray(post, dtype=np.int64)
        if weights.dtype not in (np.float32, np.float64):
            raise TypeError(f"weights: expected float32 or float64, got {weights.dtype}")
        if not sources.shape == targets.shape == weights.shape == (len(weights),):
            raise ConfigError("pre, post, weights: expected one shape (n,)")
        for name, ids, n in (("pre", sources, n_pre), ("post", targets, n_post)):
            if len(ids) and not (ids.min() >= 0 and ids.max() < n):
                raise ConfigError(f"{name}: neurons must be in [0, {n})")
        if not np.isfinite(weights).all():
            raise ConfigError("weights: contain NaN or infinity")
        self.n_pre, self.n_post, self.dtype = n_pre, n_post, weights.dtype
        self.x, self.x2 = np.zeros((2, n_pre), dtype=weights.dtype)
        self.y, self.y2 = np.zeros((2, n_post), dtype=weights.dtype)
        self._size = len(weights)
        self._members: list[I64Array] = []
        self._partitions: list[_Partition] = []
        for first in range(0, max(n_pre, 1), _SPAN):
            for second in range(0, max(n_post, 1), _SPAN):
                self._add(sources, targets, weights, first, second)

    def _add(
        self, pre: I64Array, post: I64Array, weights: Weights, first: int, second: int
    ) -> None:
        n_pre, n_post = min(_SPAN, self.n_pre - first), min(_SPAN, self.n_post - second)
        inside = (
            (first <= pre) & (pre < first + n_pre) & (second <= post) & (post < second + n_post)
        )
        members = np.flatnonzero(inside)
        corner = (first, n_pre, second, n_post)
        self._members.append(members)
        self._partitions.append(_Partition(pre[members], post[members], weights[members], corner))

    @property
    def weights(self) -> Weights:
        """Weights in the order given at construction; a copy."""
        out = np.empty(self._size, dtype=self.dtype)
        for members, partition in zip(self._members, self._partitions, strict=True):
            out[members[partition.order]] = partition.weight
        return out

    def run(
        self,
        pre: Spikes,
        post: Spikes,
        rule: StdpRule,
        dopamine: npt.ArrayLike | None = None,
        tau_tag: float = 1000.0,
    ) -> None:
        """Run the steps of `pre` and `post`.

        With `dopamine`, a pairing changes a synaptic tag, ``c' = -c / tau_tag``, and the weight
        follows ``w' = c d`` per second (Izhikevich 2007); without, it changes the weight.

        Parameters
        ----------
        pre, post : Spikes
            Of the same number of steps; each neuron at most once a step.
        rule : StdpRule
        dopamine : array_like, shape (steps,), optional
            Concentration d in each step.
        tau_tag : float
            Milliseconds.

        Raises
        ------
        ValueError
            Numbers of steps differ, spikes are malformed, or dopamine is not finite.
        """
        if pre.steps != post.steps:
            raise ConfigError(f"post: expected {pre.steps} steps as of pre, got {post.steps}")
        if dopamine is None:
            self._run(pre, post, rule, None, None)
            return
        level = np.asarray(dopamine, dtype=np.float64)
        if level.shape != (pre.steps,) or not np.isfinite(level).all():
            raise ConfigError(f"dopamine: expected {pre.steps} finite values")
        if not (isfinite(tau_tag) and tau_tag > 0):
            raise ConfigError(f"tau_tag: must be above 0 ms, got {tau_tag}")
        # Spans short enough that the fading factors stay far from 0.
        span = max(1, int(8 * tau_tag / rule.dt))
        for begin in range(0, pre.steps, span):
            end = min(begin + span, pre.steps)
            fade = np.exp(-np.arange(end - begin + 1) * rule.dt / tau_tag)
            earned = fade[:-1] * level[begin:end] * rule.dt / 1000
            total = np.concatenate([[0.0], np.cumsum(earned)])
            self._run(pre.part(begin, end), post.part(begin, end), rule, fade, total)

    def _run(
        self,
        pre: Spikes,
        post: Spikes,
        rule: StdpRule,
        fade: F64Array | None,
        total: F64Array | None,
    ) -> None:
        before = [array.copy() for array in (self.x, self.y, self.x2, self.y2)]
        for partition in self._partitions:
            if fade is not None:
                partition.remember_tags()
            # Every partition sees the traces as they were and leaves the same ones behind.
            x, y, x2, y2 = (
                array[span].copy()
                for array, span in zip(
                    before,
                    (partition.pre, partition.post, partition.pre, partition.post),
                    strict=True,
                )
            )
            partition.native.run(
                x,
                y,
                x2 if rule.triplet else None,
                y2 if rule.triplet else None,
                pre.start,
                pre.ids,
                post.start,
                post.ids,
                rule.native,
                partition.tag if fade is not None else None,
                partition.pairs if fade is not None else None,
                fade,
                total,
            )
            self.x[partition.pre], self.x2[partition.pre] = x, x2
            self.y[partition.post], self.y2[partition.post] = y, y2
