from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engrain.storage import EventLog, verify
from tests.storage.disk import run_watched

# Acknowledges events, loses the disk, tells what it is told, and says what came after.
PROGRAM = """
import json, os, sys
from pathlib import Path
from engrain.storage import EventLog
from engrain.base.errors import DurabilityLost
folder = Path(sys.argv[1])
fill, mend = {faults}
log = EventLog.open(folder / "log.db", epoch=1)
heads, errors = [], []
def attempt(call):
    try:
        call()
    except DurabilityLost as error:
        errors.append([error.last_durable_seq, error.reason])
    else:
        errors.append(None)
for _ in range(30):
    log.append("kind", [os.urandom(2000)])
acknowledged = log.flush()
fill()
def stream():
    for _ in range(4000):
        log.append("kind", [os.urandom(2000)]).wait()
attempt(stream)
durable = log.durable_seq
attempt(log.check_writable)
attempt(lambda: log.append("kind", [b"refused"]))
attempt(log.flush)
head = log.head
mend()
attempt(log.flush)
attempt(lambda: log.append("kind", [b"after"]).wait())
attempt(log.close)
print(json.dumps(dict(acknowledged=[acknowledged.seq, acknowledged.hash.hex()], durable=durable,
                      head=head.seq, errors=errors)))
"""

SHIM = """(
    lambda: (folder / "fail-{kind}").touch(),
    lambda: (folder / "fail-{kind}").unlink(),
)"""

LIMIT = """(
    lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY)),
    lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2),
)"""

BALLAST = """(
    lambda: None,
    lambda: (folder / "ballast").unlink(),
)"""


def told(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert isinstance(result, dict)
    return result


def check_recovered(result: dict[str, Any], path: Path) -> None:
    """After room was made everything appended is there, and the log goes on."""
    durable, errors = result["durable"], result["errors"]
    assert durable >= result["acknowledged"][0]
    assert [error and error[0] for error in errors] == [durable] * 4 + [None] * 3
    assert "SQLITE_FULL" in errors[0][1]
    assert result["head"] == durable + 1
    assert verify(path).ok
    with EventLog.open(path, epoch=1) as log:
        assert log.head.seq == result["head"] + 1
        assert log.read(log.head.seq).payloads == (b"after",)


def test_a_full_disk_loses_nothing_and_is_retried(shim: Path, tmp_path: Path) -> None:
    program = PROGRAM.replace("{faults}", SHIM.format(kind="write"))
    result = told(run_watched(shim, tmp_path, program))
    check_recovered(result, tmp_path / "log.db")
    assert result["durable"] == result["acknowledged"][0]


def test_a_failed_sync_is_never_retried(shim: Path, tmp_path: Path) -> None:
    program = PROGRAM.replace("{faults}", SHIM.format(kind="sync"))
    result = told(run_watched(shim, tmp_path, program))
    assert result["durable"] == result["acknowledged"][0] == 30
    assert [error[0] for error in result["errors"]] == [30] * 7
    assert "SQLITE_IOERR" in result["errors"][0][1]
    with EventLog.open(tmp_path / "log.db", epoch=1) as log:
        assert log.head.seq >= 30
        assert log.verify().ok
        log.append("kind", [b"goes on"]).wait()


def test_a_file_size_limit_is_reported_as_what_it_is(tmp_path: Path) -> None:
    program = "import resource\n" + PROGRAM.replace("{faults}", LIMIT)
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False
    )
    result = told(run)
    assert result["durable"] > result["acknowledged"][0] == 30
    assert [error[0] for error in result["errors"][:4]] == [result["durable"]] * 4
    with EventLog.open(tmp_path / "log.db", epoch=1) as log:
        assert log.head.seq >= result["durable"]
        assert log.verify().ok


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 3 MB; skips where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_small_disk_fills_up_and_is_given_room(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(1_500_000))
    program = PROGRAM.replace("{faults}", BALLAST)
    run = subprocess.run(
        [sys.executable, "-c", program, str(small_disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    result = told(run)
    assert result["durable"] > 30
    check_recovered(result, small_disk / "log.db")
