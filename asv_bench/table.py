"""Print kernel | ours | best peer | ratio | % of floor, all from one process, and draw it.

Usage: python asv_bench/table.py [--only TEXT] [--json FILE] [--svg FILE] [--budget SECONDS]

Runs the classes of `benchmarks/`: medians of the CPU time of repeated calls on one thread. A
``time_`` method named after a package below is a peer; a class that measures several of our
functions says in `comparisons` which peers do the same work, otherwise the first is compared with
all of them. A ``measure_`` method times itself and returns seconds.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import itertools
import json
import os
import pkgutil
import platform
import statistics
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402  (after the thread settings)

HERE = Path(__file__).parent
TIMED = ("time_", "measure_")
PEERS = {
    *("contextualbandits", "deque", "dict", "faiss", "igraph", "jax", "mabwiser", "networkx"),
    *("numba", "numpy", "queue", "river", "vowpalwabbit"),
    *("rustworkx", "scipy", "sklearn", "sqlite3", "torch", "usearch"),
}


def timings(call, budget):
    """Return the CPU seconds of one call, sampled over batches that each last about 0.3 ms."""
    call()
    begin = time.perf_counter()
    call()
    inner = max(1, int(3e-4 / max(time.perf_counter() - begin, 1e-8)))
    samples, end = [], time.perf_counter() + budget
    gc.disable()
    while len(samples) < 5 or (time.perf_counter() < end and len(samples) < 1000):
        begin = time.process_time()
        for _ in range(inner):
            call()
        samples.append((time.process_time() - begin) / inner)
        if time.perf_counter() > end + 4 * budget:
            break
    gc.enable()
    return samples


def median_time(call, budget):
    return statistics.median(timings(call, budget))


def best_time(call, budget):
    return min(timings(call, budget))


class Machine:
    """What this machine does at best, measured in this run, in seconds."""

    def __init__(self, budget):
        from engrain.kernels import TraceRule, TraceTable

        self.budget = budget
        rng = np.random.default_rng(0)
        self.call = best_time(TraceTable(1, TraceRule()).__len__, budget)
        self.random_line = self._gather(rng, 16_000_000)
        self.scattered_word = self._gather(rng, 1_000_000)
        self.cached_line = self._gather(rng, 4_000)
        square = rng.random((512, 512), dtype=np.float32)
        out = np.empty_like(square)
        self.second_per_flop = best_time(lambda: np.matmul(square, square, out=out), budget) / (
            2 * 512**3
        )

    def _gather(self, rng, words):
        """Seconds of one independent random read in an array of this many 4-byte words."""
        source, out = rng.random(words, dtype=np.float32), np.empty(10_000, dtype=np.float32)
        places = itertools.cycle([rng.integers(0, words, 10_000) for _ in range(64)])
        return best_time(lambda: np.take(source, next(places), out=out, mode="clip"), 0.1) / 10_000

    def stream(self, traffic):
        """Seconds to read and write `traffic` bytes of a working set of that size."""
        array = np.ones(max(1, int(traffic) // 8), dtype=np.float32)
        one = np.float32(1)
        busy = best_time(lambda: np.multiply(array, one, out=array), self.budget / 4)
        idle = best_time(lambda: np.multiply(array[:1], one, out=array[:1]), self.budget / 4)
        return max(busy - idle, traffic * 2e-12)

    def flops(self, count):
        """Seconds of `count` float32 operations at the rate of a matrix product."""
        return count * self.second_per_flop


def is_peer(method):
    words = method.removeprefix("time_").split("_")
    return words[0] in PEERS or "oracle" in words


def parameter_sets(cls):
    params = getattr(cls, "params", [])
    if not params:
        return [()]
    nested = params if isinstance(params[0], (list, tuple)) else [params]
    return list(itertools.product(*nested))


def time_method(bench, method, args, budget):
    """Return seconds, or the reason why there are none."""
    call = getattr(bench, method)
    if getattr(call, "missing", None):
        return f"not installed: {', '.join(call.missing)}"
    try:
        if method.startswith("measure_"):
            return call(*args)
        return median_time(lambda: call(*args), budget)
    except NotImplementedError as error:
        return str(error) or "not available"


def rows_of(name, cls, args, machine, budget):
    """Measure one class with one set of parameters."""
    bench = cls()
    try:
        bench.setup(*args)
    except ImportError as error:
        return [{"kernel": name, "params": list(args), "skipped": f"not installed: {error.name}"}]
    except NotImplementedError as error:
        return [{"kernel": name, "params": list(args), "skipped": str(error)}]
    timed = [m for m in dir(cls) if m.startswith(TIMED)]
    order = {m: i for i, m in enumerate(m for base in reversed(cls.__mro__) for m in vars(base))}
    timed.sort(key=lambda m: order.get(m, len(order)))
    ours, peers = [m for m in timed if not is_peer(m)], [m for m in timed if is_peer(m)]
    comparisons = getattr(cls, "comparisons", {ours[0]: peers} if ours else {})
    seconds = {m: time_method(bench, m, args, budget) for m in timed}
    floor = bench.floor(*args, machine) if ours and hasattr(bench, "floor") else None
    rows = []
    for method in ours:
        against = {p.removeprefix("time_"): seconds[p] for p in comparisons.get(method, ())}
        shown = method.removeprefix("time_").removeprefix("measure_")
        row = {"kernel": name, "params": list(args), "method": shown}
        row |= {"seconds": seconds[method], "peers": against}
        row["floor"] = floor if method == ours[0] else None
        rows.append(row)
    if hasattr(bench, "teardown"):
        bench.teardown(*args)
    return rows


def discover(only):
    """Yield (name, class) of every benchmark that times something."""
    sys.path.insert(0, str(HERE))
    for module in sorted(m.name for m in pkgutil.iter_modules([str(HERE / "benchmarks")])):
        try:
            found = importlib.import_module(f"benchmarks.{module}")
        except ImportError as error:
            print(f"{module} left out: {error}", file=sys.stderr)
            continue
        for name, cls in list(vars(found).items()):
            if not isinstance(cls, type) or cls.__module__ != found.__name__:
                continue
            if any(m.startswith(TIMED) for m in dir(cls)) and only in f"{module}.{name}":
                yield f"{module}.{name}", cls


def best_peer(row):
    timed = {p: s for p, s in row["peers"].items() if isinstance(s, float)}
    return min(timed.items(), key=lambda item: item[1], default=(None, None))


def write_time(seconds):
    for unit, scale in (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0)):
        if seconds < 1000 * scale or unit == "s":
            return f"{seconds / scale:.3g} {unit}"
    raise AssertionError


def cells(row):
    label = f"{row['kernel'].rpartition('.')[2]}{row['params'] or ''} {row.get('method', '')}"
    if "skipped" in row or isinstance(row["seconds"], str):
        return [label, row.get("skipped") or row["seconds"], "", "", ""]
    peer, seconds = best_peer(row)
    missing = [p for p, s in row["peers"].items() if isinstance(s, str)]
    shown = f"{peer} {write_time(seconds)}" if peer else ""
    if missing:
        shown += f" (not installed: {', '.join(missing)})"
    return [
        label,
        write_time(row["seconds"]),
        shown,
        f"{seconds / row['seconds']:.3g}x" if peer else "",
        f"{100 * row['floor'] / row['seconds']:.0f} %" if row["floor"] else "",
    ]


def draw(rows):
    """Return an SVG with one bar per kernel: how many times faster than its best peer."""
    drawn = [
        (cells(row)[0], best_peer(row)[1] / row["seconds"], best_peer(row)[0])
        for row in rows
        if isinstance(row.get("seconds"), float) and best_peer(row)[1]
    ]
    drawn.sort(key=lambda item: -item[1])
    height = 22 * len(drawn) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}">',
        "<style>text { font: 12px sans-serif }</style>",
        '<text x="10" y="16">times faster than the best peer (logarithmic)</text>',
    ]
    for i, (label, ratio, peer) in enumerate(drawn):
        y, length = 28 + 22 * i, 60 * max(0.02, np.log10(max(ratio, 1.0)))
        colour = "#2a7" if ratio >= 1 else "#c55"
        parts.append(f'<text x="10" y="{y + 12}">{label}</text>')
        parts.append(f'<rect x="420" y="{y}" width="{length:.1f}" height="15" fill="{colour}"/>')
        parts.append(f'<text x="{430 + length:.1f}" y="{y + 12}">{ratio:.3g}x {peer}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of a module or class name")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--budget", type=float, default=0.3, help="seconds per timed method")
    options = parser.parse_args()
    machine, rows = Machine(options.budget), []
    print("kernel | ours | best peer | ratio | % of floor")
    print("---|---|---|---|---")
    for name, cls in discover(options.only):
        for args in parameter_sets(cls):
            for row in rows_of(name, cls, args, machine, options.budget):
                rows.append(row)
                print(" | ".join(cells(row)), flush=True)
    if options.json:
        about = {"machine": platform.processor() or platform.machine(), "rows": rows}
        options.json.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    if options.svg:
        options.svg.write_text(draw(rows))


if __name__ == "__main__":
    main()
