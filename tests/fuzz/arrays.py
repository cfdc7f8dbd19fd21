"""Targets: the stateless kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from engrain import kernels
from engrain.kernels import CalciumChannel, Conv4dSpec, HodgkinHuxley, ranking
from tests.fuzz.reading import Bytes


def similarity(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.score_rows(data.matrix(), data.f32(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        cosines = kernels.compare_rows(data.matrix())
        assert (abs(cosines) <= 1.0 + 1e-5).all()


def reconsolidation(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.reconsolidate(data.matrix(), data.i64(), data.matrix(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.reconsolidate_one(data.matrix(), data.byte() % 5, data.f32(), data.number(), 0.1)


def lora(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.apply_lora(data.matrix(), data.matrix(), data.matrix(), data.i64())
    with contextlib.suppress(TypeError, ValueError):
        a, b = data.matrix(rank=3), data.matrix(rank=3)
        kernels.update_lora(a, b, data.matrix(), data.matrix(), data.i64())


def fisher(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.update_fisher(data.f32(), data.f32(), decay=data.number(), gain=data.number())
    with contextlib.suppress(TypeError, ValueError):
        kernels.linear_fisher(data.matrix(), data.matrix())
    with contextlib.suppress(TypeError, ValueError):
        kernels.elastic_penalty(data.f32(), data.f32(), data.f32(), strength=data.number())


def fsrs(data: Bytes) -> None:
    f64 = np.float64
    with contextlib.suppress(TypeError, ValueError):
        stability, difficulty = data.array(f64), data.array(f64)
        kernels.review_cards(stability, difficulty, data.array(f64), data.array(np.uint8))
        assert np.isfinite(stability).all()
        assert ((difficulty >= 1) & (difficulty <= 10)).all()
    with contextlib.suppress(TypeError, ValueError):
        kernels.retrieve_cards(data.array(f64), data.array(f64), out=data.array(f64))


def clusters(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.kmeans_plus_plus(data.matrix(), data.byte() % 6)
    with contextlib.suppress(TypeError, ValueError):
        kernels.kmeans(data.matrix(), data.byte() % 6, spherical=data.byte() < 128)


def nearest(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        kernels.topk(data.matrix(), data.matrix(), data.byte() % 6)
    with contextlib.suppress(TypeError, ValueError):
        rows = data.matrix()
        codes, scale = kernels.quantize_rows(rows)
        kernels.topk_int8(codes, scale, rows, data.f32(), data.byte() % 6)
    with contextlib.suppress(TypeError, ValueError):
        kernels.topk_int8(data.matrix(np.int8), data.f32(), data.matrix(), data.f32(), 2)
    with contextlib.suppress(TypeError, ValueError):
        kernels.knn_graph(data.matrix(), data.byte() % 4)


def som(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        grid = (data.byte() % 3, data.byte() % 3, data.byte() % 2)
        kernels.train_som_online(data.matrix(), data.matrix(), grid, data.f32(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.best_som_units(data.matrix(), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        kernels.accumulate_som(data.matrix(), data.i64(), data.byte() % 5)


def sparse(data: Bytes) -> None:
    with contextlib.suppress(TypeError, ValueError):
        columns = data.array(np.int32)
        kernels.multiply_sparse(data.i64(), columns, data.f32(), data.matrix(), data.matrix())


def neurons(data: Bytes) -> None:
    i32 = np.int32
    for step in (kernels.step_hodgkin_huxley, kernels.step_hodgkin_huxley_rk4):
        with contextlib.suppress(TypeError, ValueError):
            gates = data.f32(), data.f32(), data.f32()
            step(data.f32(), *gates, data.f32(), data.array(i32), HodgkinHuxley(), 0.01)
    with contextlib.suppress(TypeError, ValueError):
        kernels.step_calcium(data.f32(), data.f32(), data.f32(), CalciumChannel(), data.number())
    with contextlib.suppress(TypeError, ValueError):
        kernels.deliver_spikes(
            data.array(i32),
            data.i64(),
            data.array(i32),
            data.f32(),
            data.array(i32),
            data.matrix(),
            data.byte(),
        )
    with contextlib.suppress(TypeError, ValueError):
        f64 = np.float64
        kernels.solve_cable(data.array(i32), data.array(f64), data.array(f64), data.array(f64))


def conv4d(data: Bytes) -> None:
    stride, padding = 1 + data.byte() % 2, data.byte() % 3
    spec = Conv4dSpec(stride=(stride,) * 4, padding=(padding,) * 4)
    with contextlib.suppress(TypeError, ValueError):
        kernels.conv4d_forward(data.matrix(rank=6), data.matrix(rank=6), data.f32(), spec)
    extents = [data.byte() % 5 for _ in range(4)]
    with contextlib.suppress(TypeError, ValueError):
        kernels.conv4d_grad_input(data.matrix(rank=6), data.matrix(rank=6), extents, spec)
    with contextlib.suppress(TypeError, ValueError):
        kernels.conv4d_grad_weight(data.matrix(rank=6), data.matrix(rank=6), extents, spec)


def rank(data: Bytes) -> None:
    f64 = np.float64
    with contextlib.suppress(TypeError, ValueError):
        ranking.weigh_rows(data.matrix(), data.array(f64), data.f32())
    with contextlib.suppress(TypeError, ValueError):
        sequences = ranking.ledger_sequences(data.byte() % 5)
        weights, static = data.array(f64), data.array(f64)
        evidence = data.array(np.uint8)
        ranking.ledger_update(
            data.matrix(), data.f32(), weights, static, evidence, data.byte() % 4, 0.05, sequences
        )


TARGETS: tuple[Callable[[Bytes], None], ...] = (
    *(similarity, reconsolidation, lora, fisher, fsrs, clusters, nearest, som, sparse, neurons),
    *(conv4d, rank),
)
