"""The thread in which a net behind a component of a memory is trained."""

from __future__ import annotations

import logging
import threading
from typing import Protocol, Self

from engrain.base.errors import ConfigError
from engrain.memory import Memory

log = logging.getLogger(__name__)


class Learner(Protocol):
    """A component that counts what it learned from."""

    name: str

    @property
    def lessons_taken(self) -> int:
        """Lessons since it was made."""


class NetTraining:
    """Calls `run_once` after every so many lessons of a component; requests never wait for it.

    Parameters
    ----------
    memory : Memory
    component : Learner
        The one that hangs into it: ``Memory(components=[component])``.
    every : int
        Lessons after which the thread trains again.
    epochs : int
        At most; training ends earlier once the held-out loss no longer falls.
    lr : float
    seed : int

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    def __init__(
        self, memory: Memory, component: Learner, every: int, epochs: int, lr: float, seed: int
    ) -> None:
        if every < 1 or epochs < 1 or lr <= 0:
            raise ConfigError(
                f"expected positive every, epochs and lr, got {every}, {epochs} and {lr}"
            )
        self.memory, self._component = memory, component
        self.every, self.epochs, self.lr, self.seed = every, epochs, lr, seed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        name = f"engrain-{self._component.name}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def run_once(self) -> object:
        """Train once on the lessons at hand, and offer the net where it pays."""
        raise NotImplementedError

    def _work(self) -> None:
        taken = 0
        while not self._stop.wait(0.5):
            if self._component.lessons_taken - taken >= self.every:
                taken = self._component.lessons_taken
                try:
                    self.run_once()
                except Exception:
                    log.exception("the net of %s was not trained", self._component.name)
