"""Façade over the compiled modules: stateless kernels on NumPy arrays.

Each function has a float64 oracle of the same name in `engrain.kernels.reference`.
"""

from __future__ import annotations

from engrain.kernels.conv4d import Conv4dSpec, conv4d_forward, conv4d_grad_input, conv4d_grad_weight
from engrain.kernels.edges import EdgeTable
from engrain.kernels.lora import MicroLoRA, apply_lora, update_lora
from engrain.kernels.simd import simd_level
from engrain.kernels.similarity import score_rows

__all__ = [
    "Conv4dSpec",
    "EdgeTable",
    "MicroLoRA",
    "apply_lora",
    "conv4d_forward",
    "conv4d_grad_input",
    "conv4d_grad_weight",
    "score_rows",
    "simd_level",
    "update_lora",
]
