"""A bandit that routes questions to models, and what its log says of other policies.

The table holds the score of every model on every question, so that each estimate stands beside the
exact value. ``--net`` routes inside a memory too, where a net trained behind the bandit may take
its place (needs torch).

Usage: ``python -m engrain.evaluation.policies FOLDER [--seeds N] [--net]``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engrain.base.arrays import F32Array, F64Array
from engrain.memory import Memory
from engrain.policy.bandits import StrategyBandit
from engrain.policy.off_policy import LoggedDecisions, cross_fit_rewards, evaluate_policy
from engrain.policy.strategy_component import StrategyComponent

if TYPE_CHECKING:
    from engrain.policy.strategy_training import StrategyReport

AXES = 8
SETTINGS: Final[dict[str, Any]] = {"alpha": 0.3, "ridge": 1.0, "baseline": True}
TRAIN_EVERY = 500  # rewards
FLOOR = 0.1  # share of choices drawn evenly, for the log that is evaluated


@dataclass(frozen=True, slots=True, eq=False)
class RouterTable:
    """Contexts of questions and the score of each model on each.

    Attributes
    ----------
    contexts : ndarray of float32, shape (n, 9)
        Eight principal axes of other questions' vectors, and a constant.
    scores : ndarray of float64, shape (n, models)
    """

    contexts: F32Array
    scores: F64Array


def load_router_table(folder: str | Path) -> RouterTable:
    """Read ``train_scores.npz`` and the vectors of train and test questions."""
    root = Path(folder)
    other = np.load(next(root.glob("test_questions*.npy"))).astype(np.float64)
    centre = other.mean(0)
    axes = np.linalg.svd(other - centre, full_matrices=False)[2][:AXES]
    vectors = np.load(next(root.glob("train_questions*.npy"))).astype(np.float64)
    contexts = np.c_[0.3 * (vectors - centre) @ axes.T, np.ones(len(vectors))]
    with np.load(root / "train_scores.npz") as held:
        return RouterTable(contexts.astype(np.float32), held["scores"].astype(np.float64))


def route(
    table: RouterTable, *, seed: int = 0, floor: float = 0.0
) -> tuple[F64Array, LoggedDecisions, StrategyBandit, list[int]]:
    """Route every question once, learning from the chosen model's score alone.

    Returns
    -------
    rewards : ndarray, shape (n,)
    logged : LoggedDecisions
    router : StrategyBandit
    order : list of int
        Rows of the table as they came.
    """
    models = [str(number) for number in range(table.scores.shape[1])]
    router = StrategyBandit(models, table.contexts.shape[1], floor=floor, seed=seed, **SETTINGS)
    order = np.random.default_rng(seed).permutation(len(table.contexts)).tolist()
    actions, rewards, propensities = [], [], []
    for row in order:
        name, propensity = router.choose(table.contexts[row])
        actions.append(int(name))
        rewards.append(float(table.scores[row, actions[-1]]))
        propensities.append(propensity)
        router.learn(table.contexts[row], name, rewards[-1])
    logged = LoggedDecisions(np.array(actions), np.array(rewards), np.array(propensities))
    return logged.rewards, logged, router, order


def route_in_memory(
    table: RouterTable, *, seed: int = 0
) -> tuple[F64Array, list[str], list[StrategyReport]]:
    """Route every question once inside a memory, with a net in training behind the bandit.

    Returns
    -------
    rewards : ndarray, shape (n,)
    active : list of {"bandit", "net"}
        What chose each.
    trained : list of StrategyReport
        What each training did.
    """
    from engrain.policy.strategy_training import StrategyTraining

    models = [str(number) for number in range(table.scores.shape[1])]
    strategy = StrategyComponent(models, partial(StrategyBandit, **SETTINGS), seed=seed)
    rewards, active, trained = [], [], []
    with (
        TemporaryDirectory(prefix="engrain-eval-") as folder,
        Memory(Path(folder) / "router.db", components=[strategy]) as memory,
    ):
        memory.remember_many([{"text": f"model {name}", "id": name} for name in models])
        training = StrategyTraining(memory, strategy, seed=seed)
        for row in np.random.default_rng(seed).permutation(len(table.contexts)).tolist():
            active.append(strategy.active)
            choice = strategy.choose(table.contexts[row])
            rewards.append(float(table.scores[row, int(choice.strategy_id)]))
            strategy.reward(memory, table.contexts[row], choice, rewards[-1])
            if len(rewards) % TRAIN_EVERY == 0:
                trained.append(training.run_once())
    return np.array(rewards), active, trained


def value_policies(table: RouterTable, *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return estimates with intervals and the exact value of some policies, from one log."""
    _, logged, router, order = route(table, seed=seed, floor=FLOOR)
    contexts, scores = table.contexts[order], table.scores[order]
    learned = np.stack([router.probabilities(x) for x in contexts]).astype(np.float64)
    models = scores.shape[1]
    policies = {
        "learned": learned / learned.sum(1, keepdims=True),
        "best model": np.tile(np.eye(models)[scores.mean(0).argmax()], (len(scores), 1)),
        "uniform": np.full(scores.shape, 1.0 / models),
    }
    expected = cross_fit_rewards(contexts[:, :-1], logged, models)
    found: dict[str, dict[str, Any]] = {}
    for name, policy in policies.items():
        estimates = evaluate_policy(logged, policy, expected)
        found[name] = {"exact": float((policy * scores).sum(1).mean())}
        found[name] |= {method: asdict(estimate) for method, estimate in estimates.items()}
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print rewards and estimates as JSON, one line per seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--net", action="store_true", help="route inside a memory too")
    options = parser.parse_args(arguments)
    table = load_router_table(options.folder)
    for seed in range(options.seeds):
        rewards, *_ = route(table, seed=seed)
        report: dict[str, Any] = {
            "seed": seed,
            "reward": float(rewards.mean()),
            "reward_last_third": float(rewards[-len(rewards) // 3 :].mean()),
            "best_model": float(table.scores.mean(0).max()),
            "policies": value_policies(table, seed=seed),
        }
        if options.net:
            earned, active, trained = route_in_memory(table, seed=seed)
            report["memory"] = {
                "reward": float(earned.mean()),
                "reward_last_third": float(earned[-len(earned) // 3 :].mean()),
                "chosen_by_net": active.count("net") / len(active),
                "trainings": [report._asdict() for report in trained],
            }
        print(json.dumps(report))


if __name__ == "__main__":
    main()
