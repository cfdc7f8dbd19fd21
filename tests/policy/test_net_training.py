from __future__ import annotations

import threading

import pytest

from engrain.base.errors import ConfigError
from engrain.policy.net_training import NetTraining


class Counting:
    name = "counting"

    def __init__(self) -> None:
        self.lessons_taken = 0


class Recorded(NetTraining):
    def __init__(self, component: Counting, every: int, *, fails: bool = False) -> None:
        super().__init__(component, every)
        self.runs, self.fails, self.done = 0, fails, threading.Semaphore(0)

    def run_once(self) -> None:
        self.runs += 1
        self.done.release()
        if self.fails:
            raise RuntimeError("no net today")


@pytest.mark.parametrize("fails", [False, True])
def test_it_trains_after_so_many_lessons_and_outlives_a_failure(fails: bool) -> None:
    component = Counting()
    with Recorded(component, 10, fails=fails) as training:
        for lessons in (10, 25):
            component.lessons_taken = lessons
            assert training.done.acquire(timeout=60)
        component.lessons_taken = 30
        assert not training.done.acquire(timeout=1.2)
    assert training.runs == 2


def test_every_must_be_positive() -> None:
    with pytest.raises(ConfigError):
        Recorded(Counting(), 0)
