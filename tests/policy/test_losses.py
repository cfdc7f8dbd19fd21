from __future__ import annotations

import math

import pytest
import torch

from engrain.policy.losses import (
    confidence_loss,
    contrastive_loss,
    imitation_loss,
    relevance_loss,
    reward_loss,
)


def test_contrast_hides_no_missed_memory() -> None:
    relevant, mask = torch.tensor([[True, True, False, False]]), torch.ones(1, 4, dtype=torch.bool)
    both = contrastive_loss(torch.tensor([[9.0, 9.0, 0.0, 0.0]]), relevant, mask)
    missed = contrastive_loss(torch.tensor([[99.0, -9.0, 0.0, 0.0]]), relevant, mask)
    assert float(both) < 1e-3
    assert float(missed) == pytest.approx((9 + math.log(2)) / 2, abs=1e-3)


def test_contrast_leaves_out_padding_and_lists_without_relevant() -> None:
    logits = torch.tensor([[1.0, 0.0, 50.0], [1.0, 2.0, 3.0]])
    relevant = torch.tensor([[True, False, False], [False, False, False]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    expected = math.log(1 + math.exp(-1.0))
    assert float(contrastive_loss(logits, relevant, mask)) == pytest.approx(expected, rel=1e-5)


def test_unknown_strategies_cost_nothing() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    loss = imitation_loss(logits, torch.tensor([-1, 1]))
    assert float(loss.detach()) == pytest.approx(math.log(2))
    assert float(imitation_loss(logits, torch.tensor([-1, -1])).detach()) == 0.0


@pytest.mark.parametrize("reward", [0.8, -0.8])
def test_wins_and_losses_both_teach_and_neither_runs_away(reward: float) -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    loss = reward_loss(torch.log_softmax(logits, -1), torch.tensor([1]), torch.tensor([reward]))
    (slope,) = torch.autograd.grad(loss, logits)
    assert math.copysign(1, -float(slope[0, 1])) == math.copysign(1, reward)
    extreme = torch.log_softmax(torch.tensor([[0.0, -80.0, 0.0]]), -1)
    assert 0 <= float(reward_loss(extreme, torch.tensor([1]), torch.tensor([-1.0]))) < 1e-6


@pytest.mark.parametrize("reward", [0.8, -0.8])
def test_shown_memories_rise_with_a_win_and_sink_with_a_loss(reward: float) -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    shown = torch.tensor([[True, True, False, False]])
    (slope,) = torch.autograd.grad(relevance_loss(logits, shown, torch.tensor([reward])), logits)
    assert (slope[0, :2] * reward < 0).all()
    assert (slope[0, 2:] == 0).all()


def test_a_perfect_forecast_costs_nothing_and_a_biased_one_more() -> None:
    outcome = torch.tensor([0.2, 0.7, 0.9])
    assert float(confidence_loss(torch.logit(outcome), outcome)) == pytest.approx(0.0, abs=1e-6)
    y = torch.tensor([1.0, 0.0] * 50)
    honest, biased = torch.zeros(100), torch.full((100,), 1.0)
    gap = [float(confidence_loss(p, y) - confidence_loss(p, y, 0.0)) for p in (honest, biased)]
    assert gap[0] == pytest.approx(0.0, abs=1e-6)
    assert gap[1] == pytest.approx(
        0.5 * (float(torch.sigmoid(torch.tensor(1.0))) - 0.5) ** 2, rel=1e-4
    )
