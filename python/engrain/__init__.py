"""engrain: a memory that learns from every request.

``import engrain`` loads NumPy and the compiled core only; the public names below are resolved on
first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from engrain.memory import Hit as Hit
    from engrain.memory import Memory as Memory
    from engrain.memory import Recall as Recall

_HOMES = {"Hit": "engrain.memory", "Memory": "engrain.memory", "Recall": "engrain.memory"}

__all__ = ["Hit", "Memory", "Recall", "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'engrain' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
