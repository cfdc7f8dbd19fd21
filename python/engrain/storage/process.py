"""What happens to open logs when the process forks or ends."""

from __future__ import annotations

import atexit
import os
import weakref
from contextlib import suppress
from typing import Protocol

from engrain.base.errors import StorageError


class OpenLog(Protocol):
    """A log that must hear of fork and exit."""

    def forked(self) -> None: ...

    def close(self) -> None: ...


_open: weakref.WeakSet[OpenLog] = weakref.WeakSet()


def watch(log: OpenLog) -> None:
    """Have `log` told of fork and exit while it lives."""
    _open.add(log)


def _after_fork_in_child() -> None:
    for log in list(_open):
        log.forked()
    _open.clear()


def _at_exit() -> None:
    for log in list(_open):
        with suppress(StorageError):  # the writer has logged it
            log.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
