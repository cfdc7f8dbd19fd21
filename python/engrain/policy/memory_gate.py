"""Which memories matter in a situation: a bilinear gate that starts as the cosine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engrain.base.errors import ConfigError
from engrain.policy.situation_encoder import as_rows


class MemoryGate(nn.Module):
    """Scores memories by ``s^T (I + D) m`` with unit s and m.

    D starts at zero, so that the untrained gate is the cosine, bit for bit; after each step of
    training `project` keeps its Frobenius norm within `radius`, so that it stays near the cosine.

    Parameters
    ----------
    situation_dim, memory_dim : int
        Where they differ, I is a rectangular identity.
    radius : float
        Largest norm of D; the identity's own is the root of the width.
    temperature : float
        Of the softmax over scores in training, learned.

    Raises
    ------
    ConfigError
        Radius or temperature is not positive.
    """

    def __init__(
        self,
        situation_dim: int = 384,
        memory_dim: int = 384,
        *,
        radius: float = 10.0,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if radius <= 0 or temperature <= 0:
            raise ConfigError(
                f"expected a positive radius and temperature, got {radius}, {temperature}"
            )
        self.situation_dim, self.memory_dim, self.radius = situation_dim, memory_dim, radius
        self.difference = nn.Parameter(torch.zeros(situation_dim, memory_dim))
        self.log_temperature = nn.Parameter(torch.tensor(temperature).log())
        self.eval()

    @property
    def temperature(self) -> Tensor:
        """Temperature of the softmax, at least 0.01."""
        return self.log_temperature.exp().clamp_min(0.01)

    def forward(self, situation: Tensor, memories: Tensor) -> Tensor:
        """Return scores with gradients.

        Parameters
        ----------
        situation : Tensor of float32, shape (..., situation_dim)
        memories : Tensor of float32, shape (..., n, memory_dim)

        Returns
        -------
        Tensor of float32, shape (..., n)
        """
        unit = functional.normalize(situation, dim=-1)
        asked = _widen(unit, self.memory_dim) + unit @ self.difference
        return (functional.normalize(memories, dim=-1) @ asked.unsqueeze(-1)).squeeze(-1)

    @torch.no_grad()
    def score_memories(self, situation: Any, memories: Any) -> Tensor:
        """Return the scores of memories in one situation, shape (n,), without gradients.

        Parameters
        ----------
        situation : array_like, shape (situation_dim,)
        memories : array_like, shape (n, memory_dim)

        Raises
        ------
        ShapeError
            Widths do not agree.
        """
        asked = as_rows(situation, self.situation_dim, "situation")
        scores: Tensor = self(asked, as_rows(memories, self.memory_dim, "memories"))
        return scores

    def select_top_k(self, situation: Any, memories: Any, k: int = 5) -> tuple[Tensor, Tensor]:
        """Return indices and scores of the `k` best memories, best first."""
        scores = self.score_memories(situation, memories)
        best = scores.topk(min(k, len(scores)))
        return best.indices, best.values

    @torch.no_grad()
    def project(self) -> None:
        """Pull D back onto the ball round the cosine."""
        norm = float(self.difference.norm())
        if norm > self.radius:
            self.difference.mul_(self.radius / norm)

    def is_stable(self) -> bool:
        """Tell whether all parameters are finite and D is within its ball."""
        finite = all(bool(torch.isfinite(p).all()) for p in self.parameters())
        return finite and float(self.difference.detach().norm()) <= self.radius * (1 + 1e-5)


def _widen(unit: Tensor, width: int) -> Tensor:
    missing = width - unit.shape[-1]
    return unit if missing == 0 else functional.pad(unit, (0, missing))
