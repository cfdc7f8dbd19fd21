"""engrain: a memory that learns from every request.

``import engrain`` loads NumPy and the compiled core only; the public names below are resolved on
first use.
"""

from __future__ import annotations

__version__ = "0.1.0"

_HOMES: dict[str, str] = {}

__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'engrain' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
