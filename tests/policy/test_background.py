from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engrain import Memory
from engrain.base.errors import ConfigError
from engrain.policy.background import BackgroundTraining, NetGate
from engrain.policy.gate_ladder import GateLadder
from engrain.policy.joint_trainer import JointTrainer
from engrain.policy.memory_bank import MemoryBank
from engrain.policy.online_trainer import OnlineTrainer
from tests.policy.small import DIM, nets, samples
from tests.policy.test_online_trainer import full
from tests.strategies import normal

pytestmark = pytest.mark.usefixtures("one_thread")


def test_requests_see_published_nets_only() -> None:
    parts = nets()
    gate = NetGate(parts.encoder, parts.gate)
    message, memories = normal(0, DIM), normal(1, 4, DIM)
    before = gate.score_memories(message, memories)
    torch.nn.init.normal_(parts.gate.difference)
    assert torch.equal(gate.score_memories(message, memories), before)
    gate.publish()
    assert not torch.equal(gate.score_memories(message, memories), before)


def test_steps_are_taken_behind_the_requests(tmp_path: Path) -> None:
    parts = nets()
    with Memory(tmp_path / "bank.db") as memory:
        bank = MemoryBank(memory)
        for i in range(8):
            bank.add(f"memory {i}", normal(i, DIM), id=i)
        trainer = OnlineTrainer(*parts, memory_bank=bank, lr=1e-2, update_every=None)
        gate = NetGate(parts.encoder, parts.gate)
        before = gate.score_memories(normal(0, DIM), bank.vectors(range(8)))
        with BackgroundTraining(trainer, gate, update_every=5) as training:
            for seed in range(50):
                assert not full(trainer, seed=seed).updated
                training.record_interaction(normal(0, DIM), [], [], "clarify", 0.5, "thanks")
        assert training.error is None
        assert trainer.total_updates == 10
        assert not torch.equal(gate.score_memories(normal(0, DIM), bank.vectors(range(8))), before)


def test_nets_that_were_trained_are_promoted_and_damaged_ones_fall_back() -> None:
    parts = nets()
    trained = NetGate(parts.encoder, parts.gate)
    ladder = GateLadder({"nets": trained})
    held = samples(900, seed=3)

    def judge(part: list[int]) -> str:
        for i in part:
            outcomes = np.isin(np.arange(6), list(held[i].relevant_indices)).astype(float)
            active = ladder.observe(held[i].message_emb, held[i].memory_embs, outcomes)
        return active

    assert judge(list(range(200))) == "cosine"
    JointTrainer(*parts).train(samples(1500), epochs=15)
    assert judge(list(range(200, 500))) == "cosine"
    trained.publish()
    assert judge(list(range(500, 800))) == "nets"
    parts.gate.difference.data.mul_(-1).sub_(2 * torch.eye(DIM))
    trained.publish()
    assert judge(list(range(800, 900))) == "cosine"


def test_a_trainer_that_steps_by_itself_is_refused() -> None:
    parts = nets()
    with pytest.raises(ConfigError, match="update_every=None"):
        BackgroundTraining(OnlineTrainer(*parts), NetGate(parts.encoder, parts.gate))
