from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# "Append, then apply; rebuild after an interruption": what Memory does, under a storm of signals.
PROGRAM = """
import json, signal, sys
from random import Random
from engrain.storage import EventLog

class Storm(Exception):
    pass

random, path = Random(int(sys.argv[2])), sys.argv[1]
log = EventLog.open(path, epoch=1)
state, applied, sound = [], 0, (0, 0)
interrupts = ahead = acknowledged = 0
armed = False

def strike(*_):
    global interrupts
    if armed:
        interrupts += 1
        raise Storm

def change(payload, step):
    global applied, acknowledged
    receipt = log.append("step", [payload, bytes(100)])
    state.append(payload)
    applied = receipt.seq
    if step % 50 == 0:
        receipt.wait()
        acknowledged = receipt.seq
    if step % 70 == 0:
        log.flush()
    if step % 300 == 0:
        applied = log.write_snapshot(b"state", b"h").seq

signal.signal(signal.SIGALRM, strike)
for step in range(3000):
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 50e-6 if step % 10 else 0.03))
        change(b"%d" % step, step)
        armed = False
    except Storm:
        armed = False
        ahead += applied > log.head.seq
        del state[sound[0]:]
        for event in log.events(after=sound[1]):
            if event.type == "step":
                state.append(event.payloads[0])
        applied = log.head.seq
    ahead += applied != log.head.seq
    sound = len(state), applied
head = log.flush()
steps = [event.payloads[0] for event in log.events(types={"step"})]
report = log.verify(expected_head=head)
print(json.dumps(dict(
    interrupts=interrupts, ahead=ahead, ok=report.ok, events=head.seq,
    equal=state == steps, twice=len(steps) - len(set(steps)), acknowledged=acknowledged,
)))
log.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_signals_leaves_no_gap(memory_folder: Path, seed: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(memory_folder / "log.db"), str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["interrupts"] > 300
    assert report["ok"]
    assert report["equal"]
    assert report["ahead"] == report["twice"] == 0
    assert report["events"] > report["acknowledged"] > 0
