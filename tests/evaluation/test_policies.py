from __future__ import annotations

from pathlib import Path

import numpy as np

from engrain.evaluation.policies import load_router_table, route, route_in_memory, value_policies


def test_routes_as_well_as_the_best_model_in_hindsight(data: Path) -> None:
    table = load_router_table(data / "routing_dcrouter")
    runs = [route(table, seed=seed) for seed in range(3)]
    rewards = np.array([run[0] for run in runs])
    assert rewards.mean() >= 0.617
    assert rewards[:, -rewards.shape[1] // 3 :].mean() >= 0.629
    assert all((run[1].propensities > 0).all() for run in runs)


def test_the_log_gives_the_exact_value_within_two_percent(data: Path) -> None:
    table = load_router_table(data / "routing_dcrouter")
    for seed in range(3):
        learned = value_policies(table, seed=seed)["learned"]
        assert abs(learned["dr"]["value"] / learned["exact"] - 1) <= 0.02
        assert learned["dr"]["low"] <= learned["exact"] <= learned["dr"]["high"]


def test_a_memory_routes_with_a_net_behind_its_bandit(data: Path) -> None:
    table = load_router_table(data / "routing_dcrouter")
    rewards, active, trained = route_in_memory(table)
    alone, *_ = route(table)
    taken = active.index("net") if "net" in active else len(active)
    np.testing.assert_array_equal(rewards[:taken], alone[:taken])
    assert rewards.mean() >= alone.mean() - 0.005
    assert len(trained) == len(rewards) // 500
    assert all(report.offered == (report.gain > report.error) for report in trained)
