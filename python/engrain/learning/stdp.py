"""Spike-timing-dependent plasticity between named neurons, event by event, on any clock."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from engrain.base.clock import Clock
from engrain.base.errors import ConfigError, NonFiniteError, SnapshotError
from engrain.base.ids import Id, decode_id, encode_id
from engrain.kernels import StdpRule

Change = tuple[float, float]


class STDPLearner:
    """Weight changes from the spike times of two neurons.

    A post spike adds A+(w)·(1 + triplet·y2)·x, a pre spike subtracts A-(w)·(1 + triplet·x2)·y, with
    x and y the traces of the other side (Bi & Poo 1998; Morrison, Diesmann & Gerstner 2008;
    triplets: Pfister & Gerstner 2006). Changes are a function of the recorded spikes: asking twice
    changes nothing. Populations of neurons run on `engrain.kernels.Synapses`.

    Parameters
    ----------
    a_plus, a_minus : float
        Amplitudes.
    tau_plus, tau_minus : float
        Time constants in milliseconds.
    rule : StdpRule, optional
        All settings at once: pairing, weight dependence, triplets, bounds.
    tau_tag : float
        Milliseconds over which the tag of modulated plasticity fades (Izhikevich 2007).
    initial_weight : float
    max_spikes : int
        Kept per neuron; older ones no longer count.
    max_neurons, max_weights : int
        Beyond them the one used longest ago is forgotten.
    clock : callable, optional
        Milliseconds; used where a spike comes without a time.

    Raises
    ------
    ConfigError
        A setting is out of range.
    """

    def __init__(
        self,
        a_plus: float = 0.005,
        a_minus: float = 0.00525,
        tau_plus: float = 20.0,
        tau_minus: float = 20.0,
        *,
        rule: StdpRule | None = None,
        tau_tag: float = 1000.0,
        initial_weight: float = 0.5,
        max_spikes: int = 100,
        max_neurons: int = 10_000,
        max_weights: int = 100_000,
        clock: Clock | None = None,
    ) -> None:
        self.rule = rule or StdpRule(a_plus, a_minus, tau_plus, tau_minus)
        if min(max_spikes, max_neurons, max_weights) < 1 or not tau_tag > 0:
            raise ConfigError("STDPLearner: caps need at least 1, tau_tag more than 0")
        if not self.rule.w_min <= initial_weight <= self.rule.w_max:
            raise ConfigError(f"initial_weight: {initial_weight} is outside the rule's bounds")
        self.tau_tag = tau_tag
        self.initial_weight = initial_weight
        self.max_spikes, self.max_neurons, self.max_weights = max_spikes, max_neurons, max_weights
        self.clock = clock
        self._spikes: OrderedDict[Id, deque[float]] = OrderedDict()
        self._weights: OrderedDict[tuple[Id, Id], float] = OrderedDict()

    def record_spike(self, id: Id, time: float | None = None) -> None:
        """Record a spike at `time` in milliseconds, past or future, or at the clock's time.

        Raises
        ------
        NonFiniteError
            The time is not finite, or there is neither a time nor a clock.
        """
        at = self.clock() if time is None and self.clock is not None else time
        if at is None or not math.isfinite(at):
            raise NonFiniteError(f"time: needs finite milliseconds (or a clock), got {at!r}")
        if id not in self._spikes:
            encode_id(id)
            self._spikes[id] = deque(maxlen=self.max_spikes)
            if len(self._spikes) > self.max_neurons:
                self._spikes.popitem(last=False)
        self._spikes.move_to_end(id)
        self._spikes[id].append(float(at))

    def get_weight(self, pre: Id, post: Id) -> float:
        """Return the weight of a connection."""
        return self._weights.get((pre, post), self.initial_weight)

    def set_weight(self, pre: Id, post: Id, weight: float) -> None:
        """Set the weight of a connection, clipped to the rule's bounds."""
        if not math.isfinite(weight):
            raise NonFiniteError(f"weight: needs a finite number, got {weight!r}")
        self._weights[pre, post] = min(max(weight, self.rule.w_min), self.rule.w_max)
        self._weights.move_to_end((pre, post))
        if len(self._weights) > self.max_weights:
            self._weights.popitem(last=False)

    def get_weight_update(self, pre: Id, post: Id) -> float:
        """Return Δw of all recorded spikes, from the connection's weight now."""
        start = weight = self.get_weight(pre, post)
        for _, change in self._changes(pre, post):
            weight = min(max(weight + change, self.rule.w_min), self.rule.w_max)
        return weight - start

    def apply(self, pre: Id, post: Id) -> float:
        """Add Δw to the weight and forget the spikes of both neurons; return the new weight."""
        self.set_weight(pre, post, self.get_weight(pre, post) + self.get_weight_update(pre, post))
        self._spikes.pop(pre, None)
        self._spikes.pop(post, None)
        return self.get_weight(pre, post)

    def get_tag(self, pre: Id, post: Id, time: float) -> float:
        """Return the synaptic tag c at `time`: changes that wait for dopamine and fade."""
        if not math.isfinite(time):
            raise NonFiniteError(f"time: needs finite milliseconds, got {time!r}")
        past = [(at, change) for at, change in self._changes(pre, post) if at <= time]
        return sum(change * math.exp((at - time) / self.tau_tag) for at, change in past)

    def get_modulated_update(self, pre: Id, post: Id, time: float, dopamine: float) -> float:
        """Return Δw = c(time)·dopamine: what a reward at `time` makes of earlier pairings."""
        return self.get_tag(pre, post, time) * dopamine

    def state(self) -> dict[str, Any]:
        """Return spikes and weights in the order of their last use; `load` continues them."""
        return {
            "neurons": [encode_id(id) for id in self._spikes],
            "counts": np.array([len(times) for times in self._spikes.values()], dtype=np.int64),
            "spikes": np.array([t for times in self._spikes.values() for t in times]),
            "pairs": [[encode_id(pre), encode_id(post)] for pre, post in self._weights],
            "weights": np.array(list(self._weights.values())),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            The parts do not fit together, or hold more than this learner may; nothing was changed.
        """
        neurons, counts, spikes = state["neurons"], state["counts"], state["spikes"]
        pairs, weights = state["pairs"], state["weights"]
        if (
            len(neurons) != len(counts)
            or len(spikes) != counts.sum()
            or len(pairs) != len(weights)
            or len(neurons) > self.max_neurons
            or len(pairs) > self.max_weights
            or counts.max(initial=0) > self.max_spikes
        ):
            raise SnapshotError("the state of an STDP learner does not fit")
        trains = np.split(spikes, np.cumsum(counts)[:-1]) if len(counts) else []
        self._spikes = OrderedDict(
            (decode_id(id), deque(train.tolist(), maxlen=self.max_spikes))
            for id, train in zip(neurons, trains, strict=True)
        )
        self._weights = OrderedDict(
            ((decode_id(pre), decode_id(post)), float(weight))
            for (pre, post), weight in zip(pairs, weights, strict=True)
        )

    def _changes(self, pre: Id, post: Id) -> Iterator[Change]:
        """Yield (time, change) of each spike that pairs, in order of time."""
        rule = self.rule
        events = sorted(
            [(t, "pre") for t in self._spikes.get(pre, ())]
            + [(t, "post") for t in self._spikes.get(post, ())]
        )
        traces = _Traces(rule)
        v = (self.get_weight(pre, post) - rule.w_min) / (rule.w_max - rule.w_min)
        plus, minus = (1.0 - v) ** rule.mu, v**rule.mu
        at = 0
        while at < len(events):
            now = events[at][0]
            together = [side for t, side in events[at:] if t == now]
            at += len(together)
            traces.decay_to(now)
            for side in together:
                if side == "pre" and traces.y:
                    amplitude = rule.a_minus + rule.a3_minus * traces.x2
                    yield now, -amplitude * minus * traces.y
                elif side == "post" and traces.x:
                    yield now, (rule.a_plus + rule.a3_plus * traces.y2) * plus * traces.x
            for side in together:
                traces.mark("pre" if side == "pre" else "post")


class _Traces:
    """Fast and slow traces of both sides; spikes of one instant do not pair with each other."""

    def __init__(self, rule: StdpRule) -> None:
        self.rule = rule
        self.x = self.y = self.x2 = self.y2 = 0.0
        self.time = 0.0

    def decay_to(self, now: float) -> None:
        past, self.time = self.time - now, now
        if not (self.x or self.y):
            return
        rule = self.rule
        self.x *= math.exp(past / rule.tau_plus)
        self.y *= math.exp(past / rule.tau_minus)
        self.x2 *= math.exp(past / rule.tau_x)
        self.y2 *= math.exp(past / rule.tau_y)

    def mark(self, side: Literal["pre", "post"]) -> None:
        nearest = self.rule.pairing == "nearest"
        if side == "pre":
            self.x = 1.0 if nearest else self.x + 1.0
            self.x2 = 1.0 if nearest else self.x2 + 1.0
        else:
            self.y = 1.0 if nearest else self.y + 1.0
            self.y2 = 1.0 if nearest else self.y2 + 1.0
