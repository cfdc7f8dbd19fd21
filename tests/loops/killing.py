"""Processes that are killed at a named place, and what a restart makes of what they leave."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

Learned = dict[str, np.ndarray]


def copied(start: Path, folder: Path) -> Path:
    """Return a copy of a folder within another one."""
    return shutil.copytree(start, folder / "copy")


def killed(script: str, start: Path, folder: Path, where: str) -> Path:
    """Run a script on a copy of a folder until it kills itself there; return the copy."""
    copy = copied(start, folder)
    done = subprocess.run(
        [sys.executable, "-c", script, str(copy), where],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return copy


def assert_same(ends: Callable[[Path], Learned], folder: Path, undisturbed: Learned) -> None:
    """Finish the work in a folder; every array must end as it does undisturbed."""
    for name, array in ends(folder).items():
        np.testing.assert_array_equal(array, undisturbed[name], err_msg=name)
