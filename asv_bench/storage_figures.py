"""Print the figures of docs/event_log.md: python asv_bench/storage_figures.py [EVENTS]."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from engrain.storage import EventLog

QUEUE = 1_000_000


def microseconds(samples):
    ordered = sorted(samples)
    return ordered[len(ordered) // 2] * 1e6, ordered[len(ordered) * 99 // 100] * 1e6


def timed(call):
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def machine():
    rows = np.random.default_rng(0).standard_normal((10_000, 384), dtype=np.float32)
    query = rows[0].copy()
    once = [timed(lambda: np.argpartition(rows @ query, -10)[-10:])[0] for _ in range(200)]
    print(
        f"this CPU: NumPy top-10 of 10k x 384 float32 takes {statistics.median(once) * 1e6:.0f} us"
    )


def appends(folder):
    payloads = [os.urandom(2048) for _ in range(3)]
    with EventLog.open(folder / "appends.db", epoch=1, queue_limit=QUEUE) as log:
        times = [timed(lambda: log.append("recall", payloads))[0] for _ in range(10_000)]
        checks = timed(lambda: [log.check_writable() for _ in range(100_000)])[0]
        one = [timed(lambda: log.append("feedback", [b"x"]).wait())[0] for _ in range(100)]
    p50, p99 = microseconds(times)
    print(f"append of 3 x 2 KB: p50 {p50:.1f} us, p99 {p99:.1f} us")
    print(f"check_writable: {checks / 100_000 * 1e6:.2f} us")
    print(f"append and wait until durable: p50 {microseconds(one)[0] / 1000:.2f} ms")


def sizes(folder):
    shapes = {"recall, 10 rows of 16 float32, query of 384 float32": (1536, 80, 640),
              "recall, 10 rows of 16 float32, query of 384 float16": (768, 80, 640),
              "feedback": (60,)}  # fmt: skip
    for number, (name, shape) in enumerate(shapes.items()):
        path = folder / f"{number}.db"
        with EventLog.open(path, epoch=1) as log:
            payloads = [os.urandom(size) for size in shape]
            for _ in range(5000):
                log.append("recall", payloads)
        print(
            f"{name}: {sum(shape)} bytes of content, {path.stat().st_size / 5000:.0f} in the file"
        )


def million(folder, events):
    path, body = folder / "million.db", os.urandom(300)
    began = time.perf_counter()
    with EventLog.open(path, epoch=1, queue_limit=QUEUE) as log:
        for number in range(events):
            if number % 50_000 == 0:
                log.flush()
            log.append("recall", [body])
            if number == events - 50_000:
                log.write_snapshot(os.urandom(16 << 20), b"hash")
    rate = events / (time.perf_counter() - began)
    print(f"{events} events of 300 bytes, all durable: {rate:.0f} a second")
    began = time.perf_counter()
    with EventLog.open(path, epoch=1) as log:
        snapshot = log.latest_snapshot()
        tail = sum(1 for _ in log.events(after=snapshot.seq))
        seconds = time.perf_counter() - began
        print(f"opened with a snapshot of 16 MB and {tail} events after it: {seconds:.2f} s")
        seconds, count = timed(lambda: sum(1 for _ in log.events(after=log.head.seq - events // 2)))
        print(f"events() reads and checks {count / seconds:.0f} a second")
        seconds, report = timed(log.verify)
        print(f"verify() of all {report.events}: {seconds:.1f} s, ok: {report.ok}")


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    machine()
    with tempfile.TemporaryDirectory() as name:
        appends(Path(name))
        sizes(Path(name))
        million(Path(name), events)


if __name__ == "__main__":
    main()
