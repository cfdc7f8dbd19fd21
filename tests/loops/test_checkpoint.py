from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.loops import (
    BaseLoRA,
    EWCPlusPlusState,
    FastGRNNRouter,
    LearnedPattern,
    MicroLoRA,
    ReasoningBank,
    SONACheckpoint,
    adapt,
)
from tests.strategies import normal

DIM = 24
Parts: TypeAlias = tuple[BaseLoRA, MicroLoRA, FastGRNNRouter, EWCPlusPlusState, ReasoningBank]


def fresh(dim: int = DIM) -> Parts:
    router = FastGRNNRouter(dim, 3, hidden=4, seed=8)
    ewc = EWCPlusPlusState(len(router.get_weights()))
    return BaseLoRA(dim), MicroLoRA(dim), router, ewc, ReasoningBank(dim)


def learn(parts: Parts, seed: int) -> None:
    base, micro, router, ewc, bank = parts
    x, used, unused = normal(seed, 3, DIM)
    micro.micro_update(x, used[None], unused[None], advantage=0.5)
    base.merge(micro.a, micro.b, 0.5)
    router.apply_gradients(np.full_like(router.get_weights(), 0.01), 0.1)
    ewc.update_fisher(router.get_weights() ** 2, router.get_weights())
    child = bank.store(LearnedPattern(x, 0.8, size=7.0))
    bank.store_meta(LearnedPattern(used, 0.7, 1, (child,), 9.0))


def test_restored_parts_give_the_same_next_thousand_outputs(tmp_path: Path) -> None:
    parts, path = fresh(), tmp_path / "latest.sona"
    for seed in range(5):
        learn(parts, seed)
    asyncio.run(SONACheckpoint.capture(*parts, now=12.5).save_async(path))
    restored, found = fresh(), SONACheckpoint.load(path)
    found.restore(*restored)
    assert found.timestamp == 12.5
    for each in (parts, restored):
        learn(each, 6)
    x = normal(9, 1000, DIM)
    np.testing.assert_array_equal(adapt(x, *restored[:2]), adapt(x, *parts[:2]))
    wide = x.astype(np.float64)
    np.testing.assert_array_equal(restored[2].forward(wide), parts[2].forward(wide))
    np.testing.assert_array_equal(restored[3].fisher, parts[3].fisher)
    for name, array in parts[4].export().items():
        np.testing.assert_array_equal(restored[4].export()[name], array)


def test_a_checkpoint_is_a_copy() -> None:
    parts = fresh()
    learn(parts, 1)
    kept = SONACheckpoint.capture(*parts, now=0.0)
    before = kept.router_weights.copy(), kept.micro_lora["b"].copy()
    learn(parts, 2)
    np.testing.assert_array_equal(kept.router_weights, before[0])
    np.testing.assert_array_equal(kept.micro_lora["b"], before[1])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latest.sona"
    SONACheckpoint.capture(*fresh(), now=0.0).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(SnapshotError):
        SONACheckpoint.load(path)
    with pytest.raises(SnapshotError):
        SONACheckpoint.load(tmp_path / "missing.sona")


def test_other_sizes_are_refused() -> None:
    with pytest.raises(SnapshotError):
        SONACheckpoint.capture(*fresh(), now=0.0).restore(*fresh(DIM + 1))
