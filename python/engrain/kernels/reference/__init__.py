"""Float64 NumPy oracles, one file per kernel family: the written reference of every kernel."""

from __future__ import annotations

from engrain.kernels.reference.lora import apply_lora, update_lora
from engrain.kernels.reference.similarity import score_rows

__all__ = ["apply_lora", "score_rows", "update_lora"]
