"""Small nets and samples for the tests of the torch half."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

from engrain.policy.confidence_estimator import ConfidenceEstimator
from engrain.policy.joint_trainer import TrainingSample
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.situation_encoder import SituationEncoder
from engrain.policy.strategy_selector import StrategyRegistry, StrategySelector
from tests.strategies import normal

DIM = 24
IDS = ("quick_answer", "step_by_step", "clarify")


class Nets(NamedTuple):
    encoder: SituationEncoder
    gate: MemoryGate
    selector: StrategySelector
    estimator: ConfidenceEstimator
    registry: StrategyRegistry


def last(layers: nn.Sequential) -> nn.Linear:
    layer = layers[-1]
    assert isinstance(layer, nn.Linear)
    return layer


def nets(seed: int = 0) -> Nets:
    return Nets(
        SituationEncoder(DIM, DIM, 32, seed=seed),
        MemoryGate(DIM, DIM),
        StrategySelector(DIM, len(IDS), 16, seed=seed),
        ConfidenceEstimator(DIM, 16, seed=seed),
        StrategyRegistry(IDS),
    )


def samples(count: int, seed: int = 0, memories: int = 6) -> list[TrainingSample]:
    """Return situations whose message tells the strategy, the outcome and the relevant memory."""
    rng = np.random.default_rng(seed)
    hidden = np.random.default_rng(99).standard_normal((DIM, DIM))
    found = []
    for _ in range(count):
        message = rng.standard_normal(DIM).astype(np.float32)
        rows = rng.standard_normal((memories, DIM)).astype(np.float32)
        best = int(np.argmax(rows @ (message @ hidden)))
        found.append(
            TrainingSample(
                message_emb=message,
                history_emb=normal(seed, DIM),
                metadata={"hour_of_day": 10},
                memory_embs=rows,
                relevant_indices={best},
                strategy_id=IDS[int(np.argmax(message[:3]))],
                outcome=float(message[3] > 0),
            )
        )
    return found
