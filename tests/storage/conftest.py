from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engrain.storage import EventLog
from tests.storage.disk import build_shim


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that records and fails disk calls."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """Return a folder for what need not reach a disk, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108
    base = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        yield Path(name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., EventLog]]:
    """Return a function that opens a log on `path`; what it opened is closed at the end."""
    logs: list[EventLog] = []

    def open_log(**options: Any) -> EventLog:
        logs.append(EventLog.open(path, **{"epoch": 1, **options}))
        return logs[-1]

    yield open_log
    for log in logs:
        log.close()


@pytest.fixture
def log(opened: Callable[..., EventLog]) -> EventLog:
    return opened()
