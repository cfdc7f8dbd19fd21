"""Named arrays as files of a folder that can be mapped; written whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.errors import SnapshotError

Arrays = Mapping[str, np.ndarray[Any, Any]]


def write_folder(folder: Path, arrays: Arrays) -> None:
    """Write each array to ``folder/name.npy``; a crash leaves the old folder or the new one.

    The new folder is written beside the old one and takes its place by renaming; between the two
    renames `map_folder` finds the old one under its other name.
    """
    fresh, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, array in arrays.items():
        with (fresh / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def map_folder(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """Map the arrays of a folder, read-only.

    Raises
    ------
    SnapshotError
        There is no such folder, or a file in it is damaged.
    """
    found = folder if folder.exists() else folder.with_suffix(".old")
    if not found.exists():
        raise SnapshotError(f"{folder}: no such snapshot")
    try:
        return {
            path.stem: np.load(path, mmap_mode="r", allow_pickle=False)
            for path in sorted(found.glob("*.npy"))
        }
    except (OSError, ValueError) as error:
        raise SnapshotError(f"{folder}: {error}") from error
