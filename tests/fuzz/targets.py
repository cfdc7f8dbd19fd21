"""Every boundary that takes outside arrays, driven by bytes.

A target feeds arrays of any dtype, shape, stride and value to one family. It must return, or raise
TypeError or ValueError; anything else is a bug, and so is a table that broke its own rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain import kernels
from engrain.kernels import (
    TRACE,
    ModulatorRule,
    Modulators,
    SignalQueue,
    Spikes,
    StdpRule,
    SumTree,
    Synapses,
    TdRule,
    TraceRule,
    TraceTable,
    TrajectoryBuffer,
    ValueTable,
)

DTYPES = (np.float32, np.int64, np.float64, np.int32, np.uint16, np.dtype(">f4"), TRACE)
NUMBERS = (0.0, 1.0, -1.0, 0.5, 1e30, -1e-30, float("nan"), float("inf"), 7.0, 1e300)


class Bytes:
    """Reads choices from a string of bytes, and zeros once it is empty."""

    def __init__(self, data: bytes) -> None:
        self.stream: Iterator[int] = iter(data)

    def byte(self) -> int:
        return next(self.stream, 0)

    def number(self) -> float:
        return NUMBERS[self.byte() % len(NUMBERS)]

    def array(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return an array that is mostly of `dtype`, and now and then of anything."""
        odd = self.byte()
        kind = np.dtype(DTYPES[odd % len(DTYPES)] if odd < 40 or dtype is None else dtype)
        n = self.byte() % 19
        if kind.names:
            out = np.zeros(n, dtype=kind)
        else:
            raw = np.array([self.byte() - 8.0 for _ in range(n)])
            out = raw.astype(kind)
            if kind.kind == "f" and n and self.byte() < 24:
                with np.errstate(over="ignore"):
                    out[self.byte() % n] = self.number()
        shape = self.byte()
        if shape < 12:
            return out[::2]
        if shape < 20:
            return out.reshape(1, -1)
        out.flags.writeable = shape >= 24
        return out

    def f32(self) -> npt.NDArray[np.float32]:
        return self.array(np.float32)

    def i64(self) -> npt.NDArray[np.int64]:
        return self.array(np.int64)


def traces(data: Bytes) -> None:
    rule = TraceRule(tau_fast=5, tau_slow=60, mix=0.5)
    with contextlib.suppress(TypeError, ValueError):
        kernels.touch_traces(data.array(TRACE), data.i64(), data.f32(), data.number(), rule)
    with contextlib.suppress(TypeError, ValueError):
        kernels.read_traces(data.array(TRACE), data.i64(), data.number(), rule, out=data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.step_traces(data.f32(), data.f32(), data.f32(), 0.5, 0.5, 0.5, data.number())


def trace_table(data: Bytes) -> None:
    table = TraceTable(1 + data.byte() % 5, TraceRule(), max_handles=64)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            table.touch(data.i64(), data.f32(), data.number())
        with contextlib.suppress(TypeError, ValueError):
            table.read(data.i64(), data.number(), data.f32())
        with contextlib.suppress(TypeError, ValueError):
            table.credit(data.number(), data.number(), data.f32())
        with contextlib.suppress(TypeError, ValueError):
            table.forget(data.i64())
        held = table.handles
        assert len(set(held)) == len(held) == len(table) <= table.capacity


def values(data: Bytes) -> None:
    table = ValueTable(TdRule(), max_active=3, max_handles=64)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            table.learn(data.i64(), data.f32(), data.f32())
        with contextlib.suppress(TypeError, ValueError):
            table.credit(data.number())
        with contextlib.suppress(TypeError, ValueError):
            table.expected(data.i64(), data.f32())
        assert table.marks <= 3
    assert np.isfinite(table.expected(np.arange(64))).all()
    with contextlib.suppress(TypeError, ValueError):
        kernels.learn_values(data.f32(), data.i64(), data.f32(), 0.5, data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.td_lambda(
            data.f32(), data.f32(), data.i64(), data.i64(), data.f32(), TdRule(), data.f32()
        )


def modulators(data: Bytes) -> None:
    table = Modulators(1 + data.byte() % 9, ModulatorRule())
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            table.query(data.f32(), data.number(), data.number())
        with contextlib.suppress(TypeError, ValueError):
            table.outcome(data.f32(), data.f32(), data.f32(), data.number(), data.f32())
        assert 0 <= table.values["gate"] <= 4
        assert 0 <= table.values["mood"] <= 1


def inhibition(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.inhibit(data.f32(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.inhibit(data.f32())


def sum_tree(data: Bytes) -> None:
    tree = SumTree(1 + data.byte() % 20)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            tree.update(data.i64(), data.f32())
        items = data.i64()
        with contextlib.suppress(TypeError, ValueError):
            tree.sample(items, data.f32(), 10, data.number())
            assert ((items >= 0) & (items < tree.capacity)).all()


def scorer(data: Bytes) -> None:
    parameters = kernels.init_scorer(1 + data.byte() % 3)
    with contextlib.suppress(TypeError, ValueError):
        kernels.score_features(parameters, data.f32(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.backpropagate(parameters, data.f32(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.adam_step(data.f32(), data.f32(), data.f32(), data.f32(), data.byte())
    with contextlib.suppress(TypeError, ValueError):
        kernels.sgd_step(data.f32(), data.f32(), data.number())


def buffers(data: Bytes) -> None:
    buffer, queue = TrajectoryBuffer(4, 1 + data.byte() % 9, max_ids=3), SignalQueue(4)
    for _ in range(8):
        with contextlib.suppress(TypeError, ValueError):
            buffer.push(data.f32(), data.i64(), data.number(), data.number())
        with contextlib.suppress(TypeError, ValueError):
            queue.enqueue(data.byte(), data.number(), data.number(), feedback=data.number())
        with contextlib.suppress(TypeError, ValueError):
            queue.enqueue_many(data.i64(), data.f32())
    for counts, held in ((buffer.counts, len(buffer)), (queue.counts, len(queue))):
        assert counts["recorded"] == counts["overwritten"] + held
    assert np.isfinite(buffer.drain()["query"]).all()


def stdp(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.step_stdp(data.f32(), data.f32(), data.f32(), data.i64(), data.i64(), StdpRule())
    with contextlib.suppress(TypeError, ValueError):
        synapses = Synapses(data.i64(), data.i64(), data.f32(), 9, 9)
        spikes = Spikes(data.i64(), data.array(np.int32)), Spikes(data.i64(), data.array(np.int32))
        synapses.run(*spikes, StdpRule())


TARGETS: dict[str, Callable[[Bytes], None]] = {
    target.__name__: target
    for target in (
        *(traces, trace_table, values, modulators, inhibition, sum_tree, scorer, buffers, stdp),
    )
}
