from __future__ import annotations

import numpy as np


class RecordInteraction:
    """One interaction read, checked and kept for replay, with no step due."""

    params = [0, 10_000, 1_000_000]
    param_names = ["held"]

    def setup(self, held):
        from engrain.policy import (
            ConfidenceEstimator,
            MemoryGate,
            OnlineTrainer,
            ReplayBuffer,
            ReplayEntry,
            SituationEncoder,
            StrategySelector,
        )

        buffer = ReplayBuffer(max(held, 10_000))
        entry = ReplayEntry(np.ones(8), [0, 1, 2], [0.9, 0.7, 0.5], "quick_answer", 0.85, 0.9)
        for _ in range(held):
            buffer.add(entry)
        encoder = SituationEncoder()
        nets = encoder, MemoryGate(), StrategySelector(), ConfidenceEstimator()
        self.trainer = OnlineTrainer(*nets, buffer=buffer, update_every=None)
        self.situation = encoder.encode_situation(encoder.encode("How do I deploy?"))

    def time_engrain(self, held):
        self.trainer.record_interaction(
            situation_emb=self.situation,
            memory_indices=[0, 1, 2],
            memory_scores=[0.9, 0.7, 0.5],
            strategy_id="quick_answer",
            confidence=0.85,
            user_response="Thanks, that worked!",
        )
