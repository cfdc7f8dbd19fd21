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

def fold(log, after, state, checks=None):
    for event in log.events(after=after):
        if event.type == "step":
            state = hashlib.sha256(state + event.payloads[0]).digest()
        if checks is not None and event.seq in checks:
            checks[event.seq] = checks[event.seq] == (event.hash, state)
    return state

def stream(out, seed):
    random, log = Random(seed), EventLog.open(path, epoch=1, group_seconds=0.001)
    snapshot = log.latest_snapshot()
    base = (0, bytes(32)) if snapshot is None else (snapshot.seq, snapshot.data)
    state = fold(log, *base)
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

report = dict(lost=[], wrong=[], acknowledged=0, growth=[])
seen, known = 0, bytes(32)
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
        lines = (told + pipe.read()).decode().splitlines()
    told = [line.split() for line in lines if line.count(" ") == 2 and len(line.split()[2]) == 64]
    checks = {int(seq): (bytes.fromhex(hash), bytes.fromhex(state)) for seq, hash, state in told}
    report["acknowledged"] += len(checks)
    with EventLog.open(path, epoch=1, mode="r") as log:
        newest = max(checks)
        if log.head.seq < newest:
            report["lost"].append(turn)
        if turn % 10 == 9 and not log.verify(expected_head=Head(newest, checks[newest][0])).ok:
            report["wrong"].append(turn)
        known = fold(log, seen, known, checks)
        if not all(value is True for value in checks.values()):
            report["wrong"].append(turn)
        report["growth"].append(log.head.seq - seen)
        seen = log.head.seq
print(json.dumps(report))
"""


@pytest.mark.slow
def test_no_kill_loses_what_was_acknowledged(memory_folder: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(memory_folder / "log.db"), str(KILLS)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["lost"] == []
    assert report["wrong"] == []
    assert len(report["growth"]) == KILLS
    assert min(report["growth"]) > 0
    assert report["acknowledged"] > KILLS
