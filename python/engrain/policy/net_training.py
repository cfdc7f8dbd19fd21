"""Training of a net behind a component of a memory, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from engrain.base.errors import ConfigError
from engrain.memory import Memory

log = logging.getLogger(__name__)

HELD_OUT = 0.2


class Learner(Protocol):
    """A component that counts what it learned from."""

    name: str

    @property
    def lessons_taken(self) -> int:
        """Lessons since it was made."""


C = TypeVar("C", bound=Learner)
L = TypeVar("L")


def split_held_out(lessons: Sequence[L]) -> tuple[Sequence[L], Sequence[L]]:
    """Return the oldest four fifths, which teach, and the newest fifth, which judges."""
    held = int(HELD_OUT * len(lessons))
    return lessons[:-held], lessons[-held:]


class NetTraining(Generic[C]):
    """Calls `run_once` after every so many lessons of a component; requests never wait for it.

    Parameters
    ----------
    memory : Memory
    component : Learner
        The one that hangs into it: ``Memory(components=[component])``.
    every : int, optional
        Lessons after which the thread trains again; default `EVERY`.
    epochs : int
        At most; training ends earlier once the held-out loss no longer falls.
    lr : float
    seed : int

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    EVERY: ClassVar[int]

    def __init__(
        self,
        memory: Memory,
        component: C,
        *,
        every: int | None = None,
        epochs: int = 60,
        lr: float = 3e-3,
        seed: int = 0,
    ) -> None:
        every = self.EVERY if every is None else every
        if every < 1 or epochs < 1 or lr <= 0:
            raise ConfigError(
                f"expected positive every, epochs and lr, got {every}, {epochs} and {lr}"
            )
        self.memory, self.component = memory, component
        self.every, self.epochs, self.lr, self.seed = every, epochs, lr, seed
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        name = f"engrain-{self.component.name}"
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
            if self.component.lessons_taken - taken >= self.every:
                taken = self.component.lessons_taken
                try:
                    self.run_once()
                except Exception:
                    log.exception("the net of %s was not trained", self.component.name)
