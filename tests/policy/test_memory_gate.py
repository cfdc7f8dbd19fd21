from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.memory_gate import MemoryGate
from tests.strategies import normal


@pytest.mark.parametrize("dim", [1, 7, 384])
def test_an_untrained_gate_is_the_cosine_bit_for_bit(dim: int) -> None:
    situation, memories = torch.from_numpy(normal(0, dim)), torch.from_numpy(normal(1, 50, dim))
    cosine = (normalize(memories, dim=-1) @ normalize(situation, dim=-1).unsqueeze(-1)).squeeze(-1)
    assert torch.equal(MemoryGate(dim, dim).score_memories(situation, memories), cosine)


def test_scores_are_the_bilinear_form() -> None:
    gate = MemoryGate(8, 12)
    difference = torch.from_numpy(normal(2, 8, 12))
    gate.difference.data.copy_(difference)
    situation, memories = torch.from_numpy(normal(3, 8)), torch.from_numpy(normal(4, 5, 12))
    weights = torch.eye(8, 12, dtype=torch.float64) + difference.double()
    exact = normalize(memories.double(), dim=-1) @ (normalize(situation.double(), dim=0) @ weights)
    got = gate.score_memories(situation, memories)
    assert torch.allclose(got.double(), exact, atol=1e-5)
    best, scores = gate.select_top_k(situation, memories, k=3)
    assert best.tolist() == exact.argsort(descending=True)[:3].tolist()
    assert torch.equal(scores, got[best])


def test_projection_keeps_the_gate_in_its_ball() -> None:
    gate = MemoryGate(8, 8, radius=2.0)
    gate.difference.data.fill_(1.0)
    assert not gate.is_stable()
    gate.project()
    assert float(gate.difference.detach().norm()) == pytest.approx(2.0)
    assert gate.is_stable()
    inside = gate.difference.detach().clone() / 4
    gate.difference.data.copy_(inside)
    gate.project()
    assert torch.equal(gate.difference.detach(), inside)


def test_a_damaged_gate_is_unstable() -> None:
    gate = MemoryGate(8, 8)
    gate.difference.data[0, 0] = float("nan")
    assert not gate.is_stable()


def test_bad_input_is_refused() -> None:
    with pytest.raises(ShapeError, match="memories"):
        MemoryGate(8, 8).score_memories(normal(0, 8), normal(1, 3, 9))
    with pytest.raises(ConfigError, match="radius"):
        MemoryGate(8, 8, radius=0.0)
