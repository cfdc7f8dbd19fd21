"""Training of the nets behind the requests, on copies that are published when they are ready."""

from __future__ import annotations

import threading
from copy import deepcopy
from queue import SimpleQueue
from typing import Any, Self

from torch import Tensor

from engrain.base.errors import ConfigError
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.online_trainer import InteractionOutcome, OnlineTrainer
from engrain.policy.situation_encoder import SituationEncoder


class NetGate:
    """Encoder and gate as one scorer, frozen as they were last published.

    Parameters
    ----------
    encoder : SituationEncoder
    gate : MemoryGate
        Those that are trained.
    """

    def __init__(self, encoder: SituationEncoder, gate: MemoryGate) -> None:
        self._trained = encoder, gate
        self.publish()

    def publish(self) -> None:
        """Take over the nets as they are now; requests under way finish with the old ones."""
        self._published = deepcopy(self._trained)

    def score_memories(self, situation: Any, memories: Any) -> Tensor:
        """Return one score per memory.

        Parameters
        ----------
        situation : array_like, shape (text_dim,)
            The message's vector.
        memories : array_like, shape (n, memory_dim)
        """
        encoder, gate = self._published
        return gate.score_memories(encoder.encode_situation(situation), memories)


class BackgroundTraining:
    """Steps an online trainer in a thread of its own, so that no request waits for it.

    Parameters
    ----------
    trainer : OnlineTrainer
        With ``update_every=None``.
    gate : NetGate
        Published after each step.
    update_every : int
        Interactions per step.

    Raises
    ------
    ConfigError
        The trainer steps by itself.
    """

    def __init__(self, trainer: OnlineTrainer, gate: NetGate, *, update_every: int = 5) -> None:
        if trainer.update_every is not None or update_every < 1:
            raise ConfigError("expected a trainer with update_every=None, and update_every >= 1")
        self.trainer, self.gate, self.update_every = trainer, gate, update_every
        self.error: BaseException | None = None
        self._due: SimpleQueue[bool] = SimpleQueue()  # True asks for a step, False to stop
        self._thread = threading.Thread(target=self._work, name="engrain-nets", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_interaction(self, *arguments: Any, **options: Any) -> InteractionOutcome:
        """Record as `OnlineTrainer.record_interaction`; every so many, ask for a step."""
        outcome = self.trainer.record_interaction(*arguments, **options)
        if self.trainer.interactions % self.update_every == 0:
            self._due.put(True)
        return outcome

    def close(self) -> None:
        """Finish the steps that are due and stop."""
        self._due.put(False)
        self._thread.join()

    def _work(self) -> None:
        try:
            while self._due.get():
                self.trainer.step()
                self.gate.publish()
        except Exception as error:
            self.error = error
