from __future__ import annotations

import numpy as np
import pytest

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels import SumTree, reference


def filled(n: int, alpha: float = 0.6, seed: int = 0) -> tuple[SumTree, F32Array]:
    tree = SumTree(n, alpha, seed)
    priorities = np.random.default_rng(n).random(n, dtype=np.float32) * 10
    priorities[::4] = 0
    priorities[-1] = 3
    tree.update(np.arange(n), priorities)
    return tree, priorities


def draw(tree: SumTree, k: int, beta: float = 0.4) -> tuple[I64Array, F32Array]:
    items, weights = np.empty(k, dtype=np.int64), np.empty(k, dtype=np.float32)
    tree.sample(items, weights, tree.capacity, beta)
    return items, weights


def splitmix(seed: int, n: int) -> list[float]:
    """Return the uniforms of SplitMix64 (Steele et al. 2014)."""
    mask, out = 2**64 - 1, []
    for _ in range(n):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append(((z ^ (z >> 31)) >> 11) * 2.0**-53)
    return out


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 1003])
@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_sample_priorities_agrees_with_its_oracle(n: int, alpha: float) -> None:
    tree, priorities = filled(n, alpha, seed=5)
    items, weights = draw(tree, 77)
    expected, wanted = reference.sample_priorities(priorities, splitmix(5, 77), alpha, 0.4)
    assert items.tolist() == expected.tolist()
    np.testing.assert_allclose(weights, wanted, rtol=1e-6)


def test_frequency_is_proportional_to_priority_to_the_alpha() -> None:
    tree = SumTree(10, alpha=0.6, seed=3)
    priorities = np.arange(10, dtype=np.float32)
    tree.update(np.arange(10), priorities)
    counts = np.zeros(10)
    for _ in range(20_000):
        items, _ = draw(tree, 1)
        counts[items] += 1
    mass = priorities[1:].astype(float) ** 0.6
    assert counts[0] == 0
    wanted = mass / mass.sum() * 20_000
    chi_square = ((counts[1:] - wanted) ** 2 / wanted).sum()
    assert chi_square < 20.09  # 8 degrees of freedom, p = .01


def test_weights_make_the_mean_unbiased() -> None:
    tree, priorities = filled(50, alpha=1.0)
    values = np.linspace(-1, 2, 50)
    total = weight_sum = 0.0
    for _ in range(3000):
        items, _ = draw(tree, 32, beta=1.0)
        mass = priorities[items] / priorities.sum()
        total += (values[items] / (50 * mass)).sum()
        weight_sum += 32
    held = priorities > 0
    assert total / weight_sum == pytest.approx(values[held].sum() / 50, abs=0.02)


def test_sums_do_not_drift() -> None:
    tree, _ = filled(1003)
    rng = np.random.default_rng(0)
    for _ in range(500):
        tree.update(rng.integers(0, 1003, 64), rng.random(64, dtype=np.float32))
    fresh = SumTree(1003)
    fresh.load(tree.state())
    assert fresh.total == tree.total
    assert draw(fresh, 99)[0].tolist() == draw(tree, 99)[0].tolist()


def test_a_sum_tree_refuses_before_it_changes() -> None:
    tree = SumTree(8)
    one = np.ones(1, dtype=np.float32)
    with pytest.raises(ConfigError, match="update priorities first"):
        draw(tree, 4)
    with pytest.raises(ValueError, match="not in"):
        tree.update(np.array([8]), one)
    with pytest.raises(ValueError, match="priorities"):
        tree.update(np.array([1]), -one)
    with pytest.raises(ValueError, match="NaN"):
        tree.update(np.array([1]), one * np.float32("nan"))
    with pytest.raises(TypeError):
        tree.update(np.array([1], dtype=np.int32), one)
    assert tree.total == 0
    with pytest.raises(SnapshotError):
        tree.load({"mass": -np.ones(8), "random": np.zeros(1, dtype=np.uint64)})
    with pytest.raises(ConfigError, match="capacity"):
        SumTree(0)
