"""What happens to open logs when the process forks or ends."""

from __future__ import annotations

import atexit
import os
from contextlib import suppress
from typing import Protocol

from engrain.base.errors import StorageError


class OpenLog(Protocol):
    """A log that must hear of fork and exit."""

    def forked(self) -> None: ...

    def close(self) -> None: ...


_open: set[OpenLog] = set()


def watch(log: OpenLog) -> None:
    """Keep `log` alive and have it told of fork and exit until `unwatch`."""
    _open.add(log)


def unwatch(log: OpenLog) -> None:
    """Let go of a closed log."""
    _open.discard(log)


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
