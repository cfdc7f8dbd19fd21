"""The thread in which a net behind a component of a memory is trained."""

from __future__ import annotations

import logging
import threading
from typing import Protocol, Self

from engrain.base.errors import ConfigError

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
    component : Learner
    every : int
        Lessons after which the thread trains again.

    Raises
    ------
    ConfigError
        `every` is not positive.
    """

    def __init__(self, component: Learner, every: int) -> None:
        if every < 1:
            raise ConfigError(f"every: expected a positive number, got {every}")
        self._component, self.every = component, every
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
