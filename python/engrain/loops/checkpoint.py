"""Everything that the loops learned, in one file that appears whole or not at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from engrain.base.errors import SnapshotError
from engrain.learning.persistence import load_state, save_state
from engrain.loops.adapters import BaseLoRA, MicroLoRA
from engrain.loops.cell import Floats
from engrain.loops.elastic import EWCPlusPlusState
from engrain.loops.patterns import ReasoningBank
from engrain.loops.router import FastGRNNRouter

State = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SONACheckpoint:
    """Copies of all learned state at one moment.

    Attributes
    ----------
    base_lora, micro_lora, ewc_state, patterns : mapping of str to ndarray
    router_weights : ndarray
    timestamp : float
        Seconds since the epoch, from the injected clock.
    progress : mapping
        How far the background loop came: place in its source, replay, drift.
    """

    base_lora: State
    micro_lora: State
    router_weights: Floats
    ewc_state: State
    patterns: State
    timestamp: float
    progress: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def capture(
        cls,
        base: BaseLoRA,
        micro: MicroLoRA,
        router: FastGRNNRouter,
        ewc: EWCPlusPlusState,
        bank: ReasoningBank,
        now: float,
        progress: Mapping[str, Any] | None = None,
    ) -> SONACheckpoint:
        """Copy the state of all parts."""
        weights = router.get_weights()
        return cls(
            base.state(), micro.state(), weights, ewc.state(), bank.export(), now, progress or {}
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SONACheckpoint:
        """Read a file written by `save`.

        Raises
        ------
        SnapshotError
            The file is missing, damaged or of another kind.
        """
        state = load_state(path)
        if set(state) != set(cls.__slots__):
            raise SnapshotError(f"{path} holds {sorted(state)}, which is no checkpoint of loops")
        return cls(**state)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, synchronised to disk, then renamed into its place."""
        save_state(path, {name: getattr(self, name) for name in self.__slots__})

    async def save_async(self, path: str | os.PathLike[str]) -> None:
        """Write the file in a thread."""
        await asyncio.to_thread(self.save, path)

    def restore(
        self,
        base: BaseLoRA,
        micro: MicroLoRA,
        router: FastGRNNRouter,
        ewc: EWCPlusPlusState,
        bank: ReasoningBank,
    ) -> None:
        """Give all parts, made with the sizes of then, their state back bit for bit.

        Raises
        ------
        SnapshotError, ShapeError
            A part has other sizes.
        """
        base.load(self.base_lora)
        micro.load(self.micro_lora)
        router.set_weights(self.router_weights)
        ewc.load(self.ewc_state)
        bank.load(self.patterns)
