"""What the benchmarks share.

A class measures one kernel: its ``time_engrain`` is ours, every other ``time_`` method is a peer
doing the same work on the same arrays, ``floor`` says what the machine could do at best, and
``track_`` methods return figures of quality. `table.py` prints all of them from one process.
"""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from importlib.util import find_spec


def needs(*packages):
    """Mark a peer's method: without the packages the benchmark counts as not installed."""

    def mark(method):
        missing = [name for name in packages if find_spec(name) is None]

        @wraps(method)
        def skipped(*args):
            raise NotImplementedError(f"not installed: {', '.join(missing)}")

        chosen = skipped if missing else method
        chosen.missing = missing
        return chosen

    return mark


def optional(name):
    """Return a package, or None where it is not installed."""
    return import_module(name) if find_spec(name) else None
