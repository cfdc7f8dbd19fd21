"""Every boundary that takes outside arrays, driven by bytes.

A target feeds arrays of any dtype, shape, stride and value to one family. It must return, or raise
TypeError or ValueError; anything else is a bug, and so is a table that broke its own rules.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz import arrays, tables
from tests.fuzz.reading import Bytes

TARGETS: dict[str, Callable[[Bytes], None]] = {
    target.__name__: target for target in (*tables.TARGETS, *arrays.TARGETS)
}
