"""What the nets of the policy minimise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_WIDTH = 0.4


def contrastive_loss(logits: Tensor, relevant: Tensor, mask: Tensor) -> Tensor:
    """Return the listwise contrastive loss, mean over lists that have a relevant memory.

    Each relevant memory competes with all irrelevant ones of its list:
    ``-log e^{z_i} / (e^{z_i} + sum_{j irrelevant} e^{z_j})`` (van den Oord et al. 2018), mean over
    the relevant; one easy memory hides no missed one.

    Parameters
    ----------
    logits : Tensor of float32, shape (batch, n)
        Scores over the temperature.
    relevant, mask : Tensor of bool, shape (batch, n)
        `mask` is False on padding.
    """
    rivals = torch.where(mask & ~relevant, logits, -torch.inf).logsumexp(dim=-1, keepdim=True)
    each = torch.where(relevant, functional.softplus(rivals - logits), 0.0)
    count = relevant.sum(dim=-1)
    lists = each.sum(dim=-1) / count.clamp_min(1)
    return lists.sum() / (count > 0).sum().clamp_min(1)


def imitation_loss(logits: Tensor, chosen: Tensor) -> Tensor:
    """Return the cross-entropy of the right strategies; -1 where none is known."""
    known = chosen >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[known], chosen[known])


def reward_loss(log_policy: Tensor, chosen: Tensor, reward: Tensor) -> Tensor:
    """Return what wins and losses say of the strategies chosen, bounded from below by 0.

    A win of r makes its choice more likely, ``-r log p``; a loss makes it less so,
    ``-|r| log(1 - p)`` (unlikelihood, Welleck et al. 2020), which unlike ``r log p`` cannot run
    away.

    Parameters
    ----------
    log_policy : Tensor of float32, shape (batch, strategies)
    chosen : Tensor of int64, shape (batch,)
    reward : Tensor of float32, shape (batch,)
        In [-1, 1].
    """
    taken = log_policy.gather(1, chosen[:, None]).squeeze(1)
    other = torch.log1p(-taken.exp().clamp_max(1 - 1e-6))
    return -(torch.where(reward >= 0, taken, other) * reward.abs()).mean()


def relevance_loss(logits: Tensor, shown: Tensor, reward: Tensor) -> Tensor:
    """Return the logistic loss of the shown memories against those of other interactions.

    The logit of a memory is how far its score lies above the mean of all memories in the batch. A
    win calls the shown ones relevant, a loss irrelevant, each weighted by |reward|.

    Parameters
    ----------
    logits : Tensor of float32, shape (batch, n)
        Scores of all memories of the batch over the temperature.
    shown : Tensor of bool, shape (batch, n)
    reward : Tensor of float32, shape (batch,)
    """
    above = logits - logits.detach().mean(dim=-1, keepdim=True)
    target = (reward > 0).to(logits.dtype)[:, None].expand_as(above)
    each = functional.binary_cross_entropy_with_logits(above, target, reduction="none") * shown
    lists = each.sum(dim=-1) / shown.sum(dim=-1).clamp_min(1)
    return (lists * reward.abs()).mean()


def confidence_loss(logits: Tensor, outcome: Tensor, calibration: float = 0.5) -> Tensor:
    """Return a proper score plus `calibration` times the kernel calibration error of the batch.

    The score is the divergence from outcome to forecast, the log score less what no forecast can
    avoid, so that a perfect forecast costs 0. The calibration error is
    ``sum_ij (y_i - p_i) (y_j - p_j) exp(-|p_i - p_j| / 0.4) / batch^2`` (Kumar et al. 2018,
    squared).

    Parameters
    ----------
    logits : Tensor of float32, shape (batch,)
    outcome : Tensor of float32, shape (batch,)
        In [0, 1].
    """
    chance = torch.sigmoid(logits)
    score = functional.binary_cross_entropy_with_logits(logits, outcome) - _entropy(outcome).mean()
    error = outcome - chance
    kernel = torch.exp(-(chance[:, None] - chance[None, :]).abs() / _WIDTH)
    return score + calibration * (error @ kernel @ error) / len(outcome) ** 2


def _entropy(p: Tensor) -> Tensor:
    return -(torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p))
