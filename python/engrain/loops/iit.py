"""Integrated information of small networks, exactly: the system phi of IIT 4.0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, ShapeError

LARGEST = 8
TIE = 1e-12
CUT_IN, CUT_OUT, CUT_BOTH = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Binary elements in a state, each with its odds of being on next.

    Attributes
    ----------
    on : ndarray of float64, shape (2,) * n + (n,)
        on[s_0, …, s_{n-1}, i]: probability that element i is on after state s.
    state : tuple of int
        Of 0 and 1, one for each element.
    """

    on: F64Array
    state: tuple[int, ...]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        size = len(self.state)
        if not 1 <= size <= LARGEST or self.on.shape != (2,) * size + (size,):
            raise ShapeError(
                f"network: expected 1..{LARGEST} elements and odds of shape (2,) * n + (n,), got "
                f"{size} and {self.on.shape}"
            )
        if not set(self.state) <= {0, 1} or not ((self.on >= 0) & (self.on <= 1)).all():
            raise ConfigError("network: expected a state of 0 and 1 and odds in [0, 1]")
        object.__setattr__(self, "size", size)

    @classmethod
    def from_table(
        cls, table: npt.ArrayLike, state: Sequence[int], nodes: Sequence[int] | None = None
    ) -> Network:
        """Read a table of 2^n states by n odds, the first element changing fastest.

        Parameters
        ----------
        table : array_like, shape (2 ** n, n)
        state : sequence of int
        nodes : sequence of int, optional
            The system; elements outside stay in their state.
        """
        rows = np.asarray(table, dtype=np.float64)
        size = len(state)
        if rows.shape != (2**size, size):
            raise ShapeError(f"table: expected shape ({2**size}, {size}), got {rows.shape}")
        on = rows.reshape((2,) * size + (size,)).transpose(*range(size - 1, -1, -1), size)
        chosen = range(size) if nodes is None else nodes
        fixed = tuple(slice(None) if i in chosen else state[i] for i in range(size))
        inside = np.array(chosen, dtype=np.int64)
        return cls(np.ascontiguousarray(on[fixed][..., inside]), tuple(state[i] for i in chosen))

    def odds(self, element: int, value: int, noised: Sequence[int] = ()) -> F64Array:
        """Return P(element = value next | state), inputs in `noised` replaced by noise."""
        on = self.on[..., element]
        if noised:
            on = np.broadcast_to(on.mean(axis=tuple(noised), keepdims=True), on.shape)
        odds: F64Array = on if value else 1.0 - on
        return odds

    def likelihood(self, values: Sequence[int]) -> F64Array:
        """Return P(next state = values | state), for every state."""
        total = np.ones((2,) * self.size)
        for element, value in enumerate(values):
            total = total * self.odds(element, value)
        return total


@dataclass(frozen=True, slots=True)
class SystemPhi:
    """Integrated information of a system in its state.

    Attributes
    ----------
    phi : float
        In ibits (IIT 4.0) or in the units of the distance used (IIT 3.0).
    cause, effect : tuple of int
        The states that the system specifies for its past and its future.
    """

    phi: float
    cause: tuple[int, ...] = ()
    effect: tuple[int, ...] = ()


def system_phi(network: Network) -> SystemPhi:
    """Return the system integrated information of IIT 4.0, exact, for 2..8 elements.

    phi = min over cause and effect of p log2(p / p_cut) at the minimum information partition: the
    directed partition of the elements whose loss, relative to the number of connections it cuts,
    is least. States that tie as maximal cause or effect are resolved for the larger phi.

    Raises
    ------
    ConfigError
        Fewer than 2 elements.

    References
    ----------
    Albantakis et al. (2023), eqs. 3-26; PLoS Computational Biology 19(10): e1011465.
    """
    if network.size < 2:
        raise ConfigError("phi needs at least 2 elements")
    cuts = list(_cuts(network.size))
    best = SystemPhi(-1.0)
    for cause in _causes(network):
        for effect in _effects(network):
            phi = _least(network, cuts, cause, effect)
            if phi > best.phi:
                best = SystemPhi(phi, cause, effect)
    return best


def _ties(information: F64Array) -> list[tuple[int, ...]]:
    places = np.argwhere(information >= information.max() - TIE)
    return [tuple(place) for place in places.tolist()]


def _effects(network: Network) -> list[tuple[int, ...]]:
    """States whose intrinsic effect information p log2(p / p_unconstrained) is largest."""
    states = list(product((0, 1), repeat=network.size))
    information = np.zeros((2,) * network.size)
    for state in states:
        likelihood = network.likelihood(state)
        p = likelihood[network.state]
        information[state] = p * np.log2(p / likelihood.mean()) if p > 0 else 0.0
    return _ties(information)


def _causes(network: Network) -> list[tuple[int, ...]]:
    """The same of causes: the posterior of a past state times log2 of its likelihood ratio."""
    likelihood = network.likelihood(network.state)
    if not likelihood.any():
        return [network.state]  # unreachable: no cause, and phi will be 0
    posterior = likelihood / likelihood.sum()
    ratio = np.where(likelihood > 0, likelihood, 1.0) / likelihood.mean()
    return _ties(np.where(likelihood > 0, posterior * np.log2(ratio), 0.0))


def _least(
    network: Network,
    cuts: list[tuple[I64Array, int]],
    cause: tuple[int, ...],
    effect: tuple[int, ...],
) -> float:
    """Return phi at the minimum information partition, for given cause and effect states."""
    likelihood = network.likelihood(network.state)
    p_effect = float(network.likelihood(effect)[network.state])
    p_past = float(likelihood[cause])
    p_cause = p_past / float(likelihood.sum()) if p_past > 0 else 0.0
    to_effect = _by_noise(network, effect, network.state)
    from_cause = _by_noise(network, network.state, cause)
    masks = np.array([mask for mask, _ in cuts])
    strength = np.array([size for _, size in cuts], dtype=np.float64)
    elements = np.arange(network.size)
    phi_effect = _loss(p_effect, p_effect, to_effect[elements, masks].prod(axis=1))
    phi_cause = _loss(p_cause, p_past, from_cause[elements, masks].prod(axis=1))
    phi = np.minimum(phi_effect, phi_cause)
    relative = phi / strength
    return float(phi[relative <= relative.min() + TIE].max())


def _by_noise(network: Network, values: tuple[int, ...], given: tuple[int, ...]) -> F64Array:
    """Return P(element = its value | given) for each element and each set of noised inputs."""
    odds = np.empty((network.size, 2**network.size))
    for element, value in enumerate(values):
        for mask in range(2**network.size):
            noised = [i for i in range(network.size) if mask >> i & 1]
            odds[element, mask] = network.odds(element, value, noised)[given]
    return odds


def _loss(weight: float, p: float, cut: F64Array) -> F64Array:
    if p <= 0.0:
        return np.zeros(len(cut))
    ratio = np.where(cut > 0, p / np.where(cut > 0, cut, 1.0), np.inf)
    loss: F64Array = weight * np.maximum(np.log2(ratio), 0.0)
    return loss


def _cuts(size: int) -> Iterator[tuple[I64Array, int]]:
    """Yield, for each directed partition, the mask of inputs that each element loses."""
    seen: set[tuple[int, ...]] = set()
    for parts in _partitions(list(range(size))):
        if len(parts) < 2:
            continue
        for directions in product((CUT_IN, CUT_OUT, CUT_BOTH), repeat=len(parts)):
            lost = _lost(size, parts, directions)
            if any(lost) and lost not in seen:
                seen.add(lost)
                yield np.array(lost), sum(mask.bit_count() for mask in lost)


def _lost(size: int, parts: list[list[int]], directions: tuple[int, ...]) -> tuple[int, ...]:
    masks = [sum(1 << i for i in part) for part in parts]
    silent = sum(m for m, d in zip(masks, directions, strict=True) if d != CUT_IN)
    lost = [0] * size
    for part, mask, direction in zip(parts, masks, directions, strict=True):
        others = (1 << size) - 1 - mask
        for element in part:
            lost[element] = others if direction != CUT_OUT else silent & others
    return tuple(lost)


def _partitions(items: list[int]) -> Iterator[list[list[int]]]:
    """Yield every partition of the items into parts."""
    if not items:
        yield []
        return
    first, *rest = items
    for parts in _partitions(rest):
        yield [[first], *parts]
        for i, part in enumerate(parts):
            yield [*parts[:i], [first, *part], *parts[i + 1 :]]
