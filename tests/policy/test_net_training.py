from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engrain.base.errors import ConfigError
from engrain.memory import Memory
from engrain.policy.net_training import NetTraining


class Counting:
    name = "counting"

    def __init__(self) -> None:
        self.lessons_taken = 0


class Recorded(NetTraining[Counting]):
    def __init__(
        self, memory: Memory, component: Counting, every: int, *, fails: bool = False
    ) -> None:
        super().__init__(memory, component, every=every, epochs=1, lr=0.1)
        self.runs, self.fails, self.done = 0, fails, threading.Semaphore(0)

    def run_once(self) -> None:
        self.runs += 1
        self.done.release()
        if self.fails:
            raise RuntimeError("no net today")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "m.db") as memory:
        yield memory


@pytest.mark.parametrize("fails", [False, True])
def test_it_trains_after_so_many_lessons_and_outlives_a_failure(
    memory: Memory, fails: bool
) -> None:
    component = Counting()
    with Recorded(memory, component, 10, fails=fails) as training:
        for lessons in (10, 25):
            component.lessons_taken = lessons
            assert training.done.acquire(timeout=60)
        component.lessons_taken = 30
        assert not training.done.acquire(timeout=1.2)
    assert training.runs == 2


def test_every_must_be_positive(memory: Memory) -> None:
    with pytest.raises(ConfigError):
        Recorded(memory, Counting(), 0)
