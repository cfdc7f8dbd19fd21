from __future__ import annotations

import hashlib
from bisect import bisect_right
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from engrain.base.errors import StorageError
from engrain.storage import EventLog
from tests.storage.disk import Disk, Op, recorded, run_watched

IMAGES = 1000
EVENTS = 160

# State is a digest folded over the events; snapshots hold it, and acknowledgements go to a file.
WORKLOAD = """
import hashlib, os, sys
from random import Random
from engrain.storage import EventLog, schema
folder, schema.SYNCHRONOUS, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
schema.CHECKPOINT_PAGES = 40
random, state = Random(7), bytes(32)
acknowledged = os.open(folder + "/acknowledged", os.O_WRONLY | os.O_CREAT)
log = EventLog.open(folder + "/log.db", epoch=1)
for number in range(events):
    payload = random.randbytes(random.choice([20, 600, 3000]))
    state = hashlib.sha256(state + payload).digest()
    receipt = log.append("step", [payload])
    if number % 40 == 39:
        receipt = log.write_snapshot(state * 700, hashlib.sha256(state).digest())
    if random.random() < 0.6:
        receipt.wait()
        os.pwrite(acknowledged, receipt.seq.to_bytes(8, "little"), 0)
log.flush()
"""


class Outcome(NamedTuple):
    acknowledged: int
    found: int
    equal: bool


def run(shim: Path, folder: Path, synchronous: str) -> list[Op]:
    folder.mkdir()
    done = run_watched(shim, folder, WORKLOAD, synchronous, str(EVENTS))
    assert done.returncode == 0, done.stderr
    return recorded(folder)


def examine(folder: Path, acknowledged: int, mode: str) -> Outcome:
    """Open an image and fold its events; compare with what its newest snapshot holds."""
    try:
        log = EventLog.open(folder / "log.db", epoch=1, mode=mode)  # type: ignore[arg-type]
    except (StorageError, FileNotFoundError):
        return Outcome(acknowledged, 0, equal=mode == "r" and acknowledged == 0)
    with log:
        snapshot, state, at_snapshot = log.latest_snapshot(), bytes(32), bytes(32)
        count = 0
        for event in log.events():
            count += 1
            if event.type == "step" and event.payloads[0] is not None:
                state = hashlib.sha256(state + event.payloads[0]).digest()
            if snapshot is not None and event.seq == snapshot.seq:
                at_snapshot = state
        equal = count == log.head.seq
        if snapshot is not None:
            equal = equal and snapshot.data == at_snapshot * 700
            equal = equal and snapshot.state_hash == hashlib.sha256(at_snapshot).digest()
        return Outcome(acknowledged, count, equal)


def crashes(ops: list[Op], folder: Path, count: int, seed: int, every: int = 20) -> list[Outcome]:
    """Crash at random moments; each `every`-th image is opened for writing."""
    random = Random(seed)
    points = sorted(random.randrange(len(ops)) for _ in range(count))
    disk, acknowledged = Disk(), 0
    outcomes: list[Outcome] = []
    for index, op in enumerate(ops):
        for _ in range(bisect_right(points, index) - bisect_right(points, index - 1)):
            image = folder / str(len(outcomes))
            image.mkdir()
            disk.crash(image, random)
            mode = "a" if len(outcomes) % every == 0 else "r"
            outcomes.append(examine(image, acknowledged, mode))
            for file in image.iterdir():
                file.unlink()
        if op.name == "acknowledged":
            acknowledged = int.from_bytes(op.data, "little")
        else:
            disk.play(op)
    return outcomes


@pytest.mark.slow
def test_no_power_cut_loses_what_was_acknowledged(
    shim: Path, tmp_path: Path, memory_folder: Path
) -> None:
    ops = run(shim, tmp_path / "run", "FULL")
    assert sum(op.kind == "s" and op.name == "log.db" for op in ops) > 5, "no checkpoints met"
    outcomes = crashes(ops, memory_folder, IMAGES, seed=1)
    assert len(outcomes) == IMAGES
    assert [o for o in outcomes if o.found < o.acknowledged] == []
    assert all(o.equal for o in outcomes)
    assert sum(o.acknowledged > 0 for o in outcomes) > IMAGES // 2


def test_a_creation_cut_short_can_be_resumed(
    shim: Path, tmp_path: Path, memory_folder: Path
) -> None:
    ops = run(shim, tmp_path / "run", "FULL")
    first = next(index for index, op in enumerate(ops) if op.name == "acknowledged")
    outcomes = crashes(ops[:first], memory_folder, 60, seed=3, every=1)
    assert all(o.equal for o in outcomes)


@pytest.mark.slow
def test_the_simulator_sees_what_weaker_syncing_loses(
    shim: Path, tmp_path: Path, memory_folder: Path
) -> None:
    ops = run(shim, tmp_path / "run", "NORMAL")
    outcomes = crashes(ops, memory_folder, IMAGES // 5, seed=2)
    assert sum(o.found < o.acknowledged for o in outcomes) > IMAGES // 50
