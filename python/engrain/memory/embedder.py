"""Embedders: texts to unit vectors."""

from __future__ import annotations

from typing import Any

from engrain.base.errors import ConfigError
from engrain.base.protocols import Embedder


def as_embedder(value: Any) -> Embedder:
    """Return `value` as an embedder.

    Raises
    ------
    ConfigError
        It implements no embedder.
    """
    if isinstance(value, Embedder):
        return value
    raise ConfigError(f"embedder: expected an object with name, dim and embed, got {value!r}")
