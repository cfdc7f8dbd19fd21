"""A process that is killed in any step of the background loop loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engrain import Memory
from engrain.loops import BackgroundLearningConfig, LoopCoordinator, SONAConfig
from engrain.loops.background import STEPS
from tests.loops.batches import planted
from tests.loops.killing import Learned, assert_same, copied, killed

DIM = 16

CYCLE = """
import os, signal, sys
from pathlib import Path
from engrain import Memory
from engrain.loops import BackgroundLearningConfig, LoopCoordinator, SONAConfig

folder, where = Path(sys.argv[1]), sys.argv[2]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def at(step):
    if step == where:
        die()
    if step == "checkpoint" and where == "half a checkpoint":
        os.fsync = die

memory = Memory(folder / "m.db", dim=16)
background = BackgroundLearningConfig(num_clusters=8, checkpoint_dir=folder / "loops")
loops = LoopCoordinator(
    SONAConfig(dim=16, models=3, hidden=4, background=background), memory=memory
)
loops.background_loop.run_once(progress=at)
if where == "after":
    die()
"""


def coordinator(folder: Path, memory: Memory) -> LoopCoordinator:
    background = BackgroundLearningConfig(num_clusters=8, checkpoint_dir=folder / "loops")
    sona = SONAConfig(dim=DIM, models=3, hidden=4, background=background)
    return LoopCoordinator(sona, memory=memory)


def taught(folder: Path, first: int) -> None:
    """Judge thirty questions; the first call also remembers what they ask for."""
    batch = planted(0, 60, DIM)
    with Memory(folder / "m.db", dim=DIM) as memory:
        if not first:
            memory.remember_many(
                {"text": f"fact {i}", "vector": v, "id": i} for i, v in enumerate(batch.directions)
            )
        for i in range(first, first + 30):
            memory.judge(f"question {i}", {i: 1.0, (i + 7) % 60: 0.0}, vector=batch.queries[i])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one cycle done and thirty lessons for the next."""
    folder = tmp_path_factory.mktemp("start")
    taught(folder, 0)
    with Memory(folder / "m.db", dim=DIM) as memory:
        assert coordinator(folder, memory).run_background().samples == 30
    taught(folder, 30)
    return folder


def learned(folder: Path) -> Learned:
    """Finish the work in a folder; return everything that the loops know then."""
    with Memory(folder / "m.db", dim=DIM) as memory:
        assert memory.verify().ok
        loops = coordinator(folder, memory)
        loops.run_background()
        shared = loops.shared_state
        assert loops.background_loop.counts["taken"] == 60
        assert loops.background_loop.outbox.take().memories
        return {
            "base": shared.adapt(planted(5, 50, DIM).queries),
            "router": shared.router.get_weights(),
            "fisher": shared.ewc.state()["task"],
            "patterns": shared.bank.export()["sums"],
            "replay": loops.background_loop.reservoir.signals.queries,
        }


@pytest.fixture(scope="module")
def undisturbed(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    return learned(copied(start, tmp_path_factory.mktemp("undisturbed")))


@pytest.mark.parametrize("where", [*STEPS, "half a checkpoint", "after"])
def test_a_restart_after_a_kill_ends_where_an_undisturbed_run_does(
    start: Path, undisturbed: Learned, tmp_path: Path, where: str
) -> None:
    assert_same(learned, killed(CYCLE, start, tmp_path, where), undisturbed)
