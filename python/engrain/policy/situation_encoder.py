"""The situation: message, history and circumstances as one vector."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, pi, sin
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engrain.base.errors import ConfigError, ShapeError
from engrain.base.protocols import Embedder
from engrain.memory.embedder import as_embedder
from engrain.policy.nets import mode, reset, zero

METADATA: Final = 8


def metadata_features(metadata: Mapping[str, Any]) -> list[float]:
    """Return what is known of the circumstances, each in [-1, 1]; 0 where it is unknown.

    Hour and weekday are points on a circle (23 h is next to 0 h). `conversation_length` counts in
    50, `message_length` in 500, `time_since_last` in 3600 s, all capped at 1; `is_group` is 0 or 1.
    """
    hour, day = metadata.get("hour_of_day"), metadata.get("day_of_week")
    return [
        *_on_circle(hour, 24.0),
        *_on_circle(day, 7.0),
        _share(metadata.get("conversation_length", 0), 50.0),
        _share(metadata.get("message_length", 0), 500.0),
        _share(metadata.get("time_since_last", 0), 3600.0),
        float(bool(metadata.get("is_group", False))),
    ]


def _on_circle(value: float | None, period: float) -> tuple[float, float]:
    if value is None:
        return 0.0, 0.0
    angle = 2 * pi * float(value) / period
    return sin(angle), cos(angle)


def _share(value: float, full: float) -> float:
    return min(max(float(value) / full, 0.0), 1.0)


def as_rows(value: Any, dim: int, name: str) -> Tensor:
    """Return a float32 tensor whose last axis is `dim` long.

    Raises
    ------
    ShapeError
        Another length.
    """
    rows = torch.as_tensor(value, dtype=torch.float32)
    if rows.ndim == 0 or rows.shape[-1] != dim:
        raise ShapeError(f"{name}: expected a last axis of {dim}, got shape {tuple(rows.shape)}")
    return rows


class SituationEncoder(nn.Module):
    """Encodes a situation as the message plus a learned correction, at unit length.

    ``s = (r + f([m; h; c])) / |r + f|`` with message m, history h, metadata c, r = m (a projection
    where the widths differ) and f two hidden layers with LayerNorm and ReLU whose last layer starts
    at zero: an untrained encoder returns the message itself.

    Parameters
    ----------
    text_dim, output_dim, hidden_dim : int
        Widths of the embeddings, of the situation, and of the hidden layers.
    dropout : float
        In training only.
    embedder : Embedder, str or callable, optional
        Turns texts into vectors of `text_dim` in `encode`; default: hashed n-grams.
    seed : int

    Raises
    ------
    ConfigError
        The embedder's width is not `text_dim`.
    """

    def __init__(
        self,
        text_dim: int = 384,
        output_dim: int = 384,
        hidden_dim: int = 512,
        dropout: float = 0.1,
        *,
        embedder: Any = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.text_dim, self.output_dim = text_dim, output_dim
        self.embedder: Embedder = as_embedder(embedder or f"hashed-{text_dim}")
        if self.embedder.dim != text_dim:
            raise ConfigError(f"embedder: has width {self.embedder.dim}, text_dim is {text_dim}")
        self.body = nn.Sequential(
            *_hidden(2 * text_dim + METADATA, hidden_dim, dropout),
            *_hidden(hidden_dim, hidden_dim, dropout),
            nn.Linear(hidden_dim, output_dim),
        )
        self.residual = None if text_dim == output_dim else nn.Linear(text_dim, output_dim, False)
        self._start(seed)
        self.eval()

    def _start(self, seed: int) -> None:
        reset(self, seed)
        zero(self.body[-1])
        if self.residual is not None:
            nn.init.eye_(self.residual.weight)

    def encode(self, text: str) -> Tensor:
        """Return the unit vector of a text, shape (text_dim,)."""
        return torch.from_numpy(np.ascontiguousarray(self.embedder.embed([text])[0]))

    def forward(self, message_emb: Tensor, history_emb: Tensor, metadata: Tensor) -> Tensor:
        """Return situations, shape (n, output_dim), with gradients.

        Parameters
        ----------
        message_emb, history_emb : Tensor of float32, shape (n, text_dim)
        metadata : Tensor of float32, shape (n, 8)
            Rows of `metadata_features`.
        """
        correction = self.body(torch.cat([message_emb, history_emb, metadata], dim=-1))
        base = message_emb if self.residual is None else self.residual(message_emb)
        situation: Tensor = functional.normalize(base + correction, dim=-1)
        return situation

    @torch.no_grad()
    def encode_situation(
        self,
        message_emb: Any,
        history_emb: Any | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Return the situation of one message, shape (output_dim,): no dropout, no gradient.

        Parameters
        ----------
        message_emb : array_like, shape (text_dim,)
        history_emb : array_like, shape (text_dim,), optional
        metadata : mapping, optional
            See `metadata_features`.
        """
        message = as_rows(message_emb, self.text_dim, "message_emb")
        history = (
            torch.zeros(self.text_dim)
            if history_emb is None
            else as_rows(history_emb, self.text_dim, "history_emb")
        )
        extra = torch.tensor([metadata_features(metadata or {})])
        with mode(False, self):
            situation: Tensor = self(message[None], history[None], extra)[0]
        return situation


def _hidden(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU(), nn.Dropout(dropout)]
