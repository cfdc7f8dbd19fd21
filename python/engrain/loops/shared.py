"""What the loops share: learned state that readers see whole, and never wait for."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import F32Array
from engrain.loops.adapters import BaseLoRA, MicroLoRA, adapt
from engrain.loops.config import SONAConfig
from engrain.loops.elastic import EWCPlusPlusState
from engrain.loops.patterns import ReasoningBank
from engrain.loops.router import FastGRNNRouter

UNIT_GAIN = 3.0  # queries have length 1


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """One consistent view: nothing in it changes but the micro adapter, which Loop A teaches."""

    base: BaseLoRA
    micro: MicroLoRA
    router: FastGRNNRouter
    version: int


class SharedSONAState:
    """Double-buffered weights: the background works on copies and swaps them in by one assignment.

    Parameters
    ----------
    config : SONAConfig

    Attributes
    ----------
    front : Front
        What requests read. Take it once per request: base and micro adapter of one front belong
        together.
    base, router, ewc, bank
        The background's own; readers leave them alone.
    teaching : threading.Lock
        Held by whoever changes the micro adapter; readers do not take it.
    """

    def __init__(self, config: SONAConfig) -> None:
        self.config = config
        self.base = BaseLoRA(config.dim, config.base_rank)
        self.router = self._router()
        self.ewc = EWCPlusPlusState(len(self.router.get_weights()))
        self.bank = ReasoningBank(config.dim)
        self.teaching = threading.Lock()
        self.front = Front(self._base_copy(), self._micro(), self._router(), 0)

    @property
    def micro(self) -> MicroLoRA:
        """The micro adapter in force."""
        return self.front.micro

    def adapt(self, queries: F32Array) -> F32Array:
        """Return adapted queries, shape (n, dim)."""
        front = self.front
        return adapt(queries, front.base, front.micro)

    def route(self, query: F32Array) -> int:
        """Return the model that should answer a query, shape (dim,)."""
        return self.front.router.choose(query)

    def teach(self, query: F32Array, used: F32Array, unused: F32Array, *, advantage: float) -> None:
        """Let the micro adapter learn from one request, as `MicroLoRA.micro_update`."""
        with self.teaching:
            self.front.micro.micro_update(query, used, unused, advantage=advantage)

    def untaught_micro(self) -> MicroLoRA:
        """Return a micro adapter of these settings that has learned nothing."""
        return self._micro()

    def micro_copy(self) -> MicroLoRA:
        """Return a copy of the micro adapter for the background to work on."""
        copy = self._micro()
        copy.load(self.front.micro.state())
        return copy

    def publish(self) -> None:
        """Show readers the background's base and router."""
        front = self.front
        self.front = Front(self._base_copy(), front.micro, self._router_copy(), front.version + 1)

    def publish_adapters(self, micro: MicroLoRA) -> None:
        """Show readers the background's base together with the micro adapter left over."""
        front = self.front
        self.front = Front(self._base_copy(), micro, front.router, front.version + 1)

    def _micro(self) -> MicroLoRA:
        return MicroLoRA(self.config.dim, self.config.micro_rank, seed=self.config.seed)

    def _base_copy(self) -> BaseLoRA:
        copy = BaseLoRA(self.config.dim, self.config.base_rank)
        copy.load(self.base.state())
        return copy

    def _router(self) -> FastGRNNRouter:
        c = self.config
        return FastGRNNRouter(
            c.dim,
            c.models,
            hidden=c.hidden,
            lateness=c.lateness,
            gain=UNIT_GAIN,
            seed=c.seed,
            dtype=np.float32,
        )

    def _router_copy(self) -> FastGRNNRouter:
        copy = self._router()
        copy.set_weights(self.router.get_weights())
        return copy
