"""Saving states as safetensors beside JSON: no pickle, whole files or none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engrain.base.errors import SnapshotError

FORMAT = 1

Arrays = dict[str, np.ndarray[Any, Any]]


def paths_of(path: str | Path) -> tuple[Path, Path]:
    """Return the paths of arrays and JSON for a path of any suffix."""
    stem = Path(path).with_suffix("")
    return stem.with_suffix(".safetensors"), stem.with_suffix(".json")


def save_state(path: str | Path, arrays: Arrays, settings: Mapping[str, Any]) -> Path:
    """Write `arrays` and `settings`; return the path of the arrays.

    The suffix of `path` is replaced by ``.safetensors`` and ``.json``. The JSON names the digest of
    the arrays and is written last, so that a pair that loads belongs together.
    """
    target, described = paths_of(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    body = save({name: np.ascontiguousarray(a) for name, a in arrays.items()})
    content = {"format": FORMAT, "sha256": hashlib.sha256(body).hexdigest(), **settings}
    text = json.dumps(content, indent=1, allow_nan=True)
    _replace(target, body)
    _replace(described, text.encode())
    return target


def _replace(path: Path, body: bytes) -> None:
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_bytes(body)
    partial.replace(path)


def load_state(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and settings that `save_state` wrote.

    Raises
    ------
    SnapshotError
        Missing, damaged, of another format, or two files that do not belong together.
    """
    target, described = paths_of(path)
    try:
        body, text = target.read_bytes(), described.read_text()
        settings = json.loads(text)
        arrays = load(body)
    except FileNotFoundError as error:
        raise SnapshotError(f"{error.filename} is missing; a state is a pair of files") from error
    except (json.JSONDecodeError, SafetensorError) as error:
        raise SnapshotError(f"{target.name}: damaged ({error})") from error
    if settings.pop("format", None) != FORMAT:
        raise SnapshotError(f"{described.name}: was written in another format")
    if settings.pop("sha256", None) != hashlib.sha256(body).hexdigest():
        raise SnapshotError(f"{target.name} and {described.name} do not belong together")
    return arrays, settings
