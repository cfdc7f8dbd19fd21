"""A process that is killed in any phase of the deep loop loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engrain.loops import DeepLearningConfig, DeepLearningLoop, MemoryService
from engrain.loops.deep import STEPS
from engrain.loops.material import Change
from engrain.memory import Memory
from tests.loops.killing import Learned, assert_same, copied, killed
from tests.loops.planted import DAY, NOW, topics

RUN = """
import os, signal, sys
from pathlib import Path
from engrain.loops import DeepLearningConfig, DeepLearningLoop, MemoryService
from engrain.memory import Memory
from tests.loops.test_deep_kill import CONFIG, NOW

folder, where = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Store(MemoryService):
    def apply(self, change):
        if where == f"before {change.phase} is on disk":
            self.memory.reorganise(change)
            die()
        super().apply(change)
        if where == f"after {change.phase}":
            die()

memory = Memory(folder / "m.db", clock=lambda: NOW)
loop = DeepLearningLoop(Store(memory), None, CONFIG, folder=folder / "loops", clock=lambda: NOW)
loop.run_once(progress=lambda step: die() if step == where else None)
"""

CONFIG = DeepLearningConfig(num_dreams=200, strengthen_cosine=0.3, high_value_accesses=0)
PHASES = ("consolidation", "dreams", "transfer", "compression", "finished")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a memory that has been used."""
    folder = tmp_path_factory.mktemp("start")
    rows, _ = topics(0, 120)
    now = [NOW - 90 * DAY]
    with Memory(folder / "m.db", dim=rows.shape[1], clock=lambda: now[0]) as memory:
        for i, row in enumerate(rows):
            memory.remember(f"note {i}", vector=row, id=i, time=NOW - 90 * DAY)
        memory.remember("note 7.", vector=rows[7], id="copy", time=NOW - 90 * DAY)
        memory.reorganise(Change("finished", run=1))
        now[0] = NOW
        for i in range(0, 40, 2):
            recall = memory.recall(f"note {i}", vector=rows[i], k=5)
            memory.feedback(recall, used=[i])
    return folder


def finished(folder: Path) -> Learned:
    """Finish the run in a folder; return what became of the memory."""
    with Memory(folder / "m.db", clock=lambda: NOW) as memory:
        assert memory.verify().ok
        assert len(memory) == 121
        loop = DeepLearningLoop(
            MemoryService(memory), None, CONFIG, folder=folder / "loops", clock=lambda: NOW
        )
        if memory.progress.interrupted or memory.progress.run == 1:
            loop.run_once()
        assert memory.progress.run == 2
        assert memory.progress.phases == PHASES
        contents = memory.contents()
        return {
            name: getattr(contents, name)
            for name in ("handles", "faded", "ends", "weights", "kinds", "quality")
        }


@pytest.fixture(scope="module")
def undisturbed(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    found = finished(copied(start, tmp_path_factory.mktemp("undisturbed")))
    assert found["faded"].any()
    assert len(found["ends"])
    assert len(found["handles"]) == 120
    return found


@pytest.mark.parametrize(
    "where",
    [
        *STEPS,
        *(f"before {phase} is on disk" for phase in PHASES),
        *(f"after {phase}" for phase in PHASES),
    ],
)
def test_a_restart_after_a_kill_ends_where_an_undisturbed_run_does(
    start: Path, undisturbed: Learned, tmp_path: Path, where: str
) -> None:
    assert_same(finished, killed(RUN, start, tmp_path, where), undisturbed)
