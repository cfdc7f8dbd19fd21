from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engrain.base.errors import ForkedMemory
from engrain.storage import EventLog

Open = Callable[..., EventLog]


def in_child(check: Callable[[], None]) -> int:
    """Run `check` in a forked child; its exit status is 0 when nothing was raised."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            check()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_may_not_use_its_parents_log(opened: Open, path: Path) -> None:
    log = opened()
    log.append("kind", [b"1"]).wait()
    pending = log.append("kind", [b"2"])

    def check() -> None:
        for call in (
            log.check_writable,
            lambda: log.append("kind", []),
            lambda: log.drop_payload(1, 0),
            log.flush,
            lambda: list(log.events()),
            lambda: log.read(1),
            log.latest_snapshot,
            log.verify,
            lambda: EventLog.wait_durable(log, pending.seq + 1),
        ):
            with pytest.raises(ForkedMemory):
                call()
        log.close()
        assert log.closed

    assert in_child(check) == 0
    pending.wait()
    log.append("kind", [b"3"]).wait()
    assert log.verify().ok
    log.close()
    assert [event.payloads for event in opened().events()] == [(b"1",), (b"2",), (b"3",)]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_may_open_a_log_of_its_own(opened: Open, tmp_path: Path) -> None:
    opened().append("kind", [b"1"])

    def check() -> None:
        with EventLog.open(tmp_path / "child.db", epoch=1) as own:
            own.append("kind", [b"2"]).wait()

    assert in_child(check) == 0
    with EventLog.open(tmp_path / "child.db", epoch=1) as own:
        assert own.head.seq == 1


def test_what_was_appended_is_written_at_exit(path: Path, opened: Open) -> None:
    program = (
        "import sys; from engrain.storage import EventLog\n"
        "log = EventLog.open(sys.argv[1], epoch=1, group_seconds=60)\n"
        "for _ in range(100): log.append('kind', [b'1'])\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=30)
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name, path.name + ".lock"]
    assert opened().head.seq == 100
