from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from engrain import kernels
from engrain.base.errors import CudaError
from engrain.kernels import EdgeTable, cuda, reference
from engrain.kernels.traces import TRACE
from tests.strategies import normal

BUILT = importlib.util.find_spec("engrain._cuda") is not None
without_device = pytest.mark.skipif(cuda.device_count() > 0, reason="a CUDA device is present")
needs_device = pytest.mark.skipif(cuda.device_count() == 0, reason="no CUDA device")


@without_device
def test_without_a_device_every_function_says_what_to_do() -> None:
    host: Any = normal(0, 4)
    spikes = np.zeros(1, dtype=np.int64), host
    remedy = "engrain.kernels" if BUILT else "ENGRAIN_CUDA=1"
    with pytest.raises(CudaError, match=remedy):
        cuda.to_device(host)
    with pytest.raises(CudaError, match=remedy):
        cuda.step_traces(host, host, host, decay=(0.9, 0.9), mix=0.5, reward=1.0)
    with pytest.raises(CudaError, match=remedy):
        cuda.touch_traces(host, host, host, 0.0)
    with pytest.raises(CudaError, match=remedy):
        cuda.stdp_sparse((host,) * 6, host, host, spikes, spikes, a=(1, 1), decay=(1, 1))
    with pytest.raises(CudaError, match=remedy):
        cuda.apply_lora(host, host, host, host, host)
    with pytest.raises(CudaError, match=remedy):
        cuda.update_lora(host, host, host, host, host)
    with pytest.raises(CudaError, match=remedy):
        cuda.update_edges(host, host, host, host)
    with pytest.raises(CudaError, match=remedy):
        cuda.topk(host, host, 3)
    assert cuda.device_count() == 0


def test_a_table_takes_back_the_weights_of_its_slots_only() -> None:
    table = EdgeTable()
    table.update(np.arange(9), np.arange(9) + 1, np.ones(9, dtype=np.float32))
    slots = table.copy_slots()
    slots["weight"][slots["from"] == 3] = 0.75
    table.take_weights(slots)
    assert table.weights(np.array([3]), np.array([4]))[0] == 0.75
    slots["weight"] = np.nan
    with pytest.raises(ValueError, match="finite"):
        table.take_weights(slots)
    slots["to"][slots["from"] == 3] = 77
    with pytest.raises(ValueError, match="edges"):
        table.take_weights(slots)


@pytest.mark.gpu
@needs_device
def test_traces_agree_with_the_oracle() -> None:
    fast, slow, weights = normal(0, 3, 10_001)
    on_device: Any = [cuda.to_device(v) for v in (fast, slow, weights)]
    cuda.step_traces(*on_device, decay=(0.9, 0.99), mix=0.7, reward=0.5)
    wanted = fast * 0.9, slow * 0.99, weights + 0.5 * (0.7 * fast * 0.9 + 0.3 * slow * 0.99)
    for array, exact in zip(on_device, wanted, strict=True):
        np.testing.assert_allclose(array.numpy(), exact, rtol=1e-5, atol=1e-6)
    traces = np.zeros(100, dtype=TRACE)
    traces["fast"], traces["slow"] = 1.0, 2.0
    held = cuda.to_device(traces)
    handles = np.arange(0, 100, 3)
    ones = np.ones(len(handles), dtype=np.float32)
    cuda.touch_traces(held, cuda.to_device(handles), cuda.to_device(ones), 2.0)
    got = held.numpy()
    np.testing.assert_allclose(got["fast"][handles], np.exp(-2 / 5) + 1, rtol=1e-5)
    np.testing.assert_allclose(got["slow"][handles], 2 * np.exp(-2 / 60) + 1, rtol=1e-5)
    assert (got["fast"][1::3] == 1).all()


@pytest.mark.gpu
@needs_device
def test_sparse_stdp_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((50, 60)) < 0.2
    pre_of, post_of = np.nonzero(mask)
    row = np.r_[0, np.cumsum(mask.sum(1))].astype(np.uint32)
    column = np.r_[0, np.cumsum(mask.sum(0))].astype(np.uint32)
    place = np.lexsort((pre_of, post_of)).astype(np.uint32)
    weight = rng.random(len(pre_of)).astype(np.float32)
    dense = np.zeros((50, 60))
    dense[mask] = weight
    spikes = rng.random((40, 50)) < 0.1, rng.random((40, 60)) < 0.1
    trains = [
        (
            np.r_[0, np.cumsum(fired.sum(1))].astype(np.int64),
            cuda.to_device(np.nonzero(fired)[1].astype(np.int32)),
        )
        for fired in spikes
    ]
    held = cuda.to_device(weight)
    rest: Any = (row, post_of.astype(np.uint16), column, pre_of[place].astype(np.uint16), place)
    x, y = np.zeros(50, dtype=np.float32), np.zeros(60, dtype=np.float32)
    cuda.stdp_sparse(
        (held, *(cuda.to_device(v) for v in rest)),  # type: ignore[arg-type]
        cuda.to_device(x),
        cuda.to_device(y),
        trains[0],
        trains[1],
        a=(0.05, 0.04),
        decay=(0.9, 0.95),
    )
    for pre, post in zip(*spikes, strict=True):
        x, y = x * 0.9, y * 0.95
        dense[pre] = np.maximum(dense[pre] - 0.04 * y, 0)
        dense[:, post] = np.minimum(dense[:, post] + 0.05 * x[:, None], 1)
        x, y = x + pre, y + post
    np.testing.assert_allclose(held.numpy(), dense[mask], atol=1e-5)


@pytest.mark.gpu
@needs_device
def test_adapters_agree_with_the_oracle() -> None:
    a, b = normal(0, 20, 2, 384) * np.float32(0.05), normal(1, 20, 2, 384) * np.float32(0.05)
    x, g = normal(2, 20, 384) * np.float32(0.05), normal(3, 20, 384) * np.float32(0.05)
    adapter = np.random.default_rng(0).permutation(20)
    device: Any = [cuda.to_device(v) for v in (a, b, adapter, x, np.empty_like(x), g)]
    cuda.apply_lora(*device[:5], scale=0.7)
    exact = reference.apply_lora(a, b, x, adapter, scale=0.7)
    np.testing.assert_allclose(device[4].numpy(), exact, rtol=1e-4, atol=1e-5)
    held_a, held_b, which, on_x, _, on_g = device
    cuda.update_lora(held_a, held_b, which, on_x, on_g, learning_rate=0.3)
    wanted = reference.update_lora(a, b, x, g, adapter, learning_rate=0.3)
    for got, want in zip(device[:2], wanted, strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-3, atol=1e-4)


@pytest.mark.gpu
@needs_device
def test_edges_agree_with_the_table() -> None:
    rng = np.random.default_rng(1)
    table, other = EdgeTable(per_node=64), EdgeTable(per_node=64)
    keys = rng.permutation(1000 * 1000)[:20_000]
    source, target = keys // 1000, keys % 1000
    for each in (table, other):
        each.update(source, target, np.ones(20_000, dtype=np.float32))
    known = table.weights(source, target) > 0
    signal = rng.uniform(-1, 1, 20_000).astype(np.float32)
    slots = cuda.to_device(table.copy_slots())
    batch: Any = [cuda.to_device(v) for v in (source, target, signal)]
    missing = cuda.update_edges(slots, *batch, scale=table.scale)
    assert missing == int((~known).sum())
    table.take_weights(slots.numpy())
    other.update(source[known], target[known], signal[known])
    np.testing.assert_allclose(
        table.weights(source[known], target[known]),
        other.weights(source[known], target[known]),
        atol=1e-6,
    )


@pytest.mark.gpu
@needs_device
@pytest.mark.parametrize(("n", "k"), [(5, 10), (1000, 1), (100_003, 10), (5000, 512)])
def test_topk_agrees_with_the_cpu(n: int, k: int) -> None:
    rows, queries = normal(0, n, 64), normal(1, 3, 64)
    index, score = cuda.topk(cuda.to_device(rows), cuda.to_device(queries), k)
    kept = min(n, k)
    exact = kernels.topk(rows, queries, k)
    np.testing.assert_allclose(score.numpy()[:, :kept], exact[1], rtol=1e-4, atol=1e-4)
    assert (np.sort(index.numpy()[:, :kept]) == np.sort(exact[0])).mean() > 0.99
    assert (index.numpy()[:, kept:] == -1).all()
