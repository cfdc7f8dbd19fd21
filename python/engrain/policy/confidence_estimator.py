"""How sure to be that an answer from these memories will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from engrain.policy.nets import mode, reset, zero
from engrain.policy.situation_encoder import as_rows

CONTEXT: Final = 4


def score_features(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return largest, mean, spread and number / 10 (at most 1) of memory scores, shape (..., 4).

    Parameters
    ----------
    scores : Tensor of float32, shape (..., n)
    mask : Tensor of bool, shape (..., n), optional
        Which of them count; default: all. Without any the features are 0.
    """
    if mask is None:
        mask = torch.ones_like(scores, dtype=torch.bool)
    count = mask.sum(dim=-1)
    shares = mask / count.clamp_min(1).unsqueeze(-1)
    mean = (scores * shares).sum(dim=-1)
    variance = ((scores - mean.unsqueeze(-1)).square() * shares).sum(dim=-1)
    empty = torch.zeros_like(mean)
    largest = scores.masked_fill(~mask, -torch.inf).amax(-1) if scores.shape[-1] else empty
    largest = torch.where(count > 0, largest, empty)
    return torch.stack([largest, mean, (variance + 1e-12).sqrt(), (count / 10).clamp_max(1)], -1)


class ConfidenceEstimator(nn.Module):
    """Estimates the probability of a good outcome from the situation and the memories' scores.

    One hidden layer; the last layer starts at zero, so that it says .5 before any feedback.

    Parameters
    ----------
    situation_dim, hidden_dim : int
    dropout : float
        In training only.
    seed : int
    """

    def __init__(
        self,
        situation_dim: int = 384,
        hidden_dim: int = 128,
        dropout: float = 0.1,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.situation_dim = situation_dim
        self.net = nn.Sequential(
            nn.Linear(situation_dim + CONTEXT, hidden_dim),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, 1),
        )
        reset(self, seed)
        zero(self.net[-1])
        self.eval()

    def forward(self, situation: Tensor, context: Tensor) -> Tensor:
        """Return logits with gradients, shape (...,).

        Parameters
        ----------
        situation : Tensor of float32, shape (..., situation_dim)
        context : Tensor of float32, shape (..., 4)
            See `score_features`.
        """
        logits: Tensor = self.net(torch.cat([situation, context], dim=-1)).squeeze(-1)
        return logits

    @torch.no_grad()
    def estimate(self, situation: Any, memory_scores: Sequence[float] | Any = ()) -> float:
        """Return the probability of a good outcome, in [.01, .99].

        Parameters
        ----------
        situation : array_like, shape (situation_dim,)
        memory_scores : array_like, shape (n,)
            Of the memories shown.
        """
        row = as_rows(situation, self.situation_dim, "situation")
        context = score_features(torch.as_tensor(memory_scores, dtype=torch.float32).reshape(-1))
        with mode(False, self):
            chance = float(torch.sigmoid(self(row, context)))
        return min(max(chance, 0.01), 0.99)
