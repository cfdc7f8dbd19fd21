"""Targets: the tables, which own their arrays, and the kernels that share their families."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from engrain import kernels
from engrain.kernels import (
    TRACE,
    EdgeTable,
    Handles,
    InstantLearningLoop,
    LinearBandit,
    LoopRule,
    MicroLoRA,
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
from engrain.memory.evidence import Evidence
from engrain.memory.ledger import Ledger
from engrain.memory.ranking import RankingModel
from tests.fuzz.reading import Bytes


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


def handles(data: Bytes) -> None:
    table = Handles(1 + data.byte() % 4)
    for _ in range(6):
        ids: list[Any] = [
            (data.byte() % 6, f"{data.byte() % 6}", None, 1.5, [])[data.byte() % 5]
            for _ in range(data.byte() % 4)
        ]
        with contextlib.suppress(TypeError, ValueError):
            held = table.intern_all(ids)
            assert table.ids(held) == ids
        assert len(table) <= table.capacity
        assert len(table.state()["ids"]) == len(table)


def edges(data: Bytes) -> None:
    table = EdgeTable(per_node=1 + data.byte() % 3, max_edges=64)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            table.update(data.i64() % 64, data.i64() % 64, data.f32(), data.byte() % 3)
        with contextlib.suppress(TypeError, ValueError):
            table.weights(data.i64(), data.i64())
        with contextlib.suppress(TypeError, ValueError):
            table.remove(data.i64(), data.i64())
        with contextlib.suppress(TypeError, ValueError):
            table.spread(data.i64(), data.f32(), hops=data.byte() % 3)
        _, _, weights, _ = table.edges()
        assert ((weights >= 0) & (weights <= 1)).all()


def bandit(data: Bytes) -> None:
    arms = LinearBandit(1 + data.byte() % 4, 1 + data.byte() % 3)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            arms.learn(data.f32(), data.byte() % 4, data.number())
        with contextlib.suppress(TypeError, ValueError):
            arms.choose(data.f32())
        assert np.isfinite(arms.theta).all()


def micro_lora(data: Bytes) -> None:
    adapter = MicroLoRA(1 + data.byte() % 18)
    for _ in range(4):
        with contextlib.suppress(TypeError, ValueError):
            adapter.update(data.f32(), data.f32())
        with contextlib.suppress(TypeError, ValueError):
            adapter.apply(data.f32(), data.f32())
        assert np.isfinite(adapter.a).all()
        assert np.isfinite(adapter.b).all()


def loop(data: Bytes) -> None:
    names, kinds = ("s:a", "e:b"), ("static", "evidence")
    first, second = (
        RankingModel(names, kinds, (0, 1), base={"s:a": 1}, evidence=known)
        for known in (True, False)
    )
    memory = np.eye(8, 3, dtype=np.float32)
    fused = InstantLearningLoop(
        3,
        first,
        second,
        Ledger(names, kinds),
        Evidence(3, questions=8),
        LoopRule(),
        memories=memory,
    )
    for _ in range(3):
        with contextlib.suppress(TypeError, ValueError):
            fused.request(
                data.f32(),
                data.i64(),
                data.matrix(),
                data.f32(),
                data.number(),
                latency_ratio=data.number(),
            )
        with contextlib.suppress(TypeError, ValueError):
            shown, query = np.arange(data.byte() % 4), np.array([1, 0, data.byte() - 8], np.float32)
            rows = np.ones((len(shown), 2), dtype=np.float32)
            trace = fused.observe(query, shown, rows, data.number())
            fused.learn(trace, data.f32(), data.number(), quality=data.number())
        assert np.isfinite(first.weights).all()
        assert np.isfinite(memory).all()


TARGETS: tuple[Callable[[Bytes], None], ...] = (
    *(traces, trace_table, values, modulators, inhibition, sum_tree, scorer, buffers, stdp),
    *(handles, edges, bandit, micro_lora, loop),
)
