from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 100

# Forks a child that streams events and tells which receipts were acknowledged, kills it at a random
# moment, and compares what is on disk with the last acknowledgement; the next child goes on.
PROGRAM = """
import hashlib, json, os, signal, sys, time
from random import Random
from engrain.storage import EventLog, Head

path, kills = sys.argv[1], int(sys.argv[2])
random = Random(3)

def fold(log):
    state = bytes(32)
    for event in log.events():
        if event.type == "step":
            state = hashlib.sha256(state + event.payloads[0]).digest()
    return state

def stream(out, seed):
    random, log = Random(seed), EventLog.open(path, epoch=1, group_seconds=0.001)
    state = fold(log)
    while True:
        payload = random.randbytes(random.choice([10, 50, 3000]))
        state = hashlib.sha256(state + payload).digest()
        receipt = log.append("step", [payload])
        if random.random() < 0.02:
            receipt = log.write_snapshot(state, b"h")
        if random.random() < 0.3:
            receipt.wait()
            line = f"{receipt.seq} {receipt.hash.hex()} {state.hex()}\\n"
            os.write(out, line.encode())

report = dict(lost=[], states=[], acknowledged=0, growth=[])
seen = 0
for turn in range(kills):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            stream(write, turn)
        finally:
            os._exit(3)
    os.close(write)
    told = os.read(read, 1)
    time.sleep(random.uniform(0, 0.01))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with os.fdopen(read, "rb") as pipe:
        lines = (told + pipe.read()).split(b"\\n")
    seq, hash, state = lines[-2].split()
    head = Head(int(seq), bytes.fromhex(hash.decode()))
    report["acknowledged"] += len(lines) - 1
    with EventLog.open(path, epoch=1, mode="r") as log:
        if not log.verify(expected_head=head).ok:
            report["lost"].append(turn)
        found, snapshot = bytes(32), log.latest_snapshot()
        for event in log.events():
            if event.type == "step":
                found = hashlib.sha256(found + event.payloads[0]).digest()
            if event.seq == head.seq and found.hex().encode() != state:
                report["states"].append([turn, "at the acknowledged event"])
            if snapshot is not None and event.seq == snapshot.seq and found != snapshot.data:
                report["states"].append([turn, "at the snapshot"])
        report["growth"].append(log.head.seq - seen)
        seen = log.head.seq
print(json.dumps(report))
"""


@pytest.mark.slow
def test_no_kill_loses_what_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "log.db"), str(KILLS)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["lost"] == []
    assert report["states"] == []
    assert len(report["growth"]) == KILLS
    assert min(report["growth"]) > 0
    assert report["acknowledged"] > KILLS
