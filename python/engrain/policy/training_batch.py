"""Labelled situations, and batches of them as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.situation_encoder import as_rows, metadata_features
from engrain.policy.strategy_selector import StrategyRegistry


@dataclass(slots=True)
class TrainingSample:
    """One labelled situation.

    Attributes
    ----------
    message_emb, history_emb : array_like, shape (text_dim,)
    metadata : mapping
    memory_embs : array_like, shape (n, memory_dim), or None
    relevant_indices : set of int
        Rows of `memory_embs` that are relevant.
    strategy_id : str
        The right strategy; empty where it is unknown.
    outcome : float
        In [0, 1]; 1 is good.
    """

    message_emb: Any
    history_emb: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    memory_embs: Any = None
    relevant_indices: set[int] = field(default_factory=set)
    strategy_id: str = ""
    outcome: float = 0.5


class Batch(NamedTuple):
    """Samples as tensors; lists of memories are padded, `mask` tells which are real."""

    message: Tensor
    history: Tensor
    metadata: Tensor
    memories: Tensor
    mask: Tensor
    relevant: Tensor
    strategy: Tensor
    outcome: Tensor


def read_sample(
    sample: TrainingSample, text_dim: int, memory_dim: int, registry: StrategyRegistry
) -> Batch:
    """Return one sample as a batch.

    Raises
    ------
    ShapeError, ConfigError, UnknownIdError
        A width, a relevant index, the outcome or the strategy does not fit.
    """
    given = torch.zeros(0, memory_dim) if sample.memory_embs is None else sample.memory_embs
    memories = as_rows(given, memory_dim, "memory_embs").reshape(-1, memory_dim)
    relevant = torch.zeros(len(memories), dtype=torch.bool)
    for index in sample.relevant_indices:
        if not 0 <= index < len(memories):
            raise ShapeError(f"relevant_indices: {index} is not one of {len(memories)} memories")
        relevant[index] = True
    if not 0 <= sample.outcome <= 1:
        raise ConfigError(f"outcome: expected a number in [0, 1], got {sample.outcome!r}")
    strategy = registry.index(sample.strategy_id) if sample.strategy_id else -1
    return Batch(
        as_rows(sample.message_emb, text_dim, "message_emb")[None],
        as_rows(sample.history_emb, text_dim, "history_emb")[None],
        torch.tensor([metadata_features(sample.metadata)]),
        memories[None],
        torch.ones(1, len(memories), dtype=torch.bool),
        relevant[None],
        torch.tensor([strategy]),
        torch.tensor([float(sample.outcome)]),
    )


def join(rows: Sequence[Batch]) -> Batch:
    """Concatenate batches, padding the lists of memories to the longest."""
    longest = max(row.memories.shape[1] for row in rows)
    padded = [_pad(row, longest) for row in rows]
    return Batch(*(torch.cat(parts) for parts in zip(*padded, strict=True)))


def _pad(row: Batch, longest: int) -> Batch:
    missing = longest - row.memories.shape[1]
    if missing == 0:
        return row
    return row._replace(
        memories=functional.pad(row.memories, (0, 0, 0, missing)),
        mask=functional.pad(row.mask, (0, missing)),
        relevant=functional.pad(row.relevant, (0, missing)),
    )
