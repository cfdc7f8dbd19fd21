"""Cost of guarding one list of ten with 44 columns: bets, gate and kept weights."""

from __future__ import annotations

import numpy as np

from engrain.kernels import Bets, reference
from engrain.memory.ranking import RankingModel
from engrain.memory.safeguard import Safeguard

NAMES = tuple(f"s:{i}" for i in range(36)) + tuple(f"e:{i}" for i in range(7)) + ("r:dir",)
KINDS = ["static"] * 36 + ["evidence"] * 8


class Guarding:
    """Beside the same in NumPy, as the oracle has it."""

    def setup(self):
        rng = np.random.default_rng(0)
        models = [
            RankingModel(NAMES, KINDS, [0] * 44, base={"s:0": 1.0}, evidence=evidence)
            for evidence in (True, False)
        ]
        for model in models:
            model.weights = 0.1 * rng.standard_normal(44)
        self.guard = Safeguard(NAMES, KINDS, *models)
        self.rows = rng.standard_normal((10, 44)).astype(np.float32)
        self.outcomes = np.eye(10, dtype=np.float32)[3]
        self.bets = Bets(renewed=True)
        self.weights = [model.weights for model in models]
        self.group = [-1] * 36 + [0] * 7 + [1]
        self.x = rng.uniform(-1, 1, 10)

    def time_observe(self):
        self.guard.observe(self.rows, self.outcomes)

    def time_score(self):
        self.guard.score(self.rows)

    def time_bet(self):
        self.bets.observe(0.01)

    def time_oracle_observe(self):
        opened = np.ones(2, dtype=bool)
        reference.gate_gains(self.rows, self.outcomes, *self.weights, self.group, opened)
        reference.bet_on(self.x[:2], renewed=True)
        reference.needed_wealth(0.05, 1)

    def time_oracle_score(self):
        self.rows @ reference.blend_weights(*self.weights, self.group, np.ones(2, dtype=bool))
