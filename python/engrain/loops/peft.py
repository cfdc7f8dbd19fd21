"""Adapters in the file layout of PEFT: `adapter_model.safetensors` beside `adapter_config.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engrain.base.errors import SnapshotError
from engrain.loops.adapters import BaseLoRA

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def export_peft(base: BaseLoRA, folder: str | os.PathLike[str], module: str = "query") -> None:
    """Write an adapter as PEFT does, for a square linear layer called `module`.

    ``lora_A.weight`` has shape (r, dim), ``lora_B.weight`` (dim, r), and ``lora_alpha = r`` makes
    the scale 1. An adapter of rank 0 is written as one component of zeros, since PEFT knows no
    rank 0.

    Parameters
    ----------
    base : BaseLoRA
    folder : path-like
        Created if missing; files in it are replaced, the weights last.
    module : str
        Name of the layer that the adapter stands beside.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    rank = max(base.rank, 1)
    shape = (rank, base.dim)
    a, b = (f if base.rank else np.zeros(shape, dtype=np.float32) for f in (base.a, base.b))
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": [module],
        "inference_mode": True,
    }
    tensors = {
        f"base_model.model.{module}.lora_A.weight": np.ascontiguousarray(a),
        f"base_model.model.{module}.lora_B.weight": np.ascontiguousarray(b.T),
    }
    _replace(place / CONFIG, json.dumps(config, indent=2).encode())
    _replace(place / WEIGHTS, save(tensors, metadata={"format": "pt"}))


def import_peft(folder: str | os.PathLike[str], max_rank: int = 16) -> BaseLoRA:
    """Read an adapter of one square linear layer that PEFT or `export_peft` wrote.

    Parameters
    ----------
    folder : path-like
    max_rank : int
        Of the adapter returned; a larger one is recompressed.

    Returns
    -------
    BaseLoRA

    Raises
    ------
    SnapshotError
        Files are missing or damaged, hold several layers, or one that is not square.
    """
    place = Path(folder)
    try:
        config = json.loads((place / CONFIG).read_text())
        tensors = load((place / WEIGHTS).read_bytes())
        scale = config["lora_alpha"] / config["r"]
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SafetensorError) as error:
        raise SnapshotError(f"{place} holds no readable PEFT adapter: {error}") from error
    down = [t for name, t in tensors.items() if name.endswith(".lora_A.weight")]
    up = [t for name, t in tensors.items() if name.endswith(".lora_B.weight")]
    if len(down) != 1 or len(up) != 1 or down[0].shape != up[0].T.shape:
        raise SnapshotError(
            f"{place}: expected one square layer with lora_A (r, dim) and lora_B (dim, r), got "
            f"{ {name: t.shape for name, t in tensors.items()} }"
        )
    base = BaseLoRA(down[0].shape[1], max_rank)
    base.merge(down[0].astype(np.float32), (scale * up[0].T).astype(np.float32))
    return base


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.replace(path)
