"""Float64 NumPy oracles, one file per kernel family: the written reference of every kernel."""

from __future__ import annotations

from engrain.kernels.reference.similarity import score_rows

__all__ = ["score_rows"]
