"""Representations of events: complete, short, and as a graph."""

from __future__ import annotations

from typing import Any

from engrain.base.errors import ConfigError
from engrain.learning.formats.full_json import FullJSON
from engrain.learning.formats.toon_decode import decode as decode_toon
from engrain.learning.formats.toon_encode import encode as encode_toon
from engrain.learning.formats.toon_json import ToonJSON
from engrain.learning.formats.toon_text import ToonError
from engrain.learning.formats.triples import NeuroSymbolicTriples

_FORMATS: dict[str, type[Any]] = {
    form.name: form for form in (FullJSON, ToonJSON, NeuroSymbolicTriples)
}


def get_representation(name: str) -> FullJSON | ToonJSON | NeuroSymbolicTriples:
    """Return a format by name: full_json, toon_json or neuro_symbolic_triples.

    Raises
    ------
    ConfigError
        Unknown name.
    """
    if name not in _FORMATS:
        raise ConfigError(f"unknown format {name!r}; known: {', '.join(sorted(_FORMATS))}")
    made: FullJSON | ToonJSON | NeuroSymbolicTriples = _FORMATS[name]()
    return made


__all__ = [
    "FullJSON",
    "NeuroSymbolicTriples",
    "ToonError",
    "ToonJSON",
    "decode_toon",
    "encode_toon",
    "get_representation",
]
