from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.loops.folder import map_folder, write_folder


def test_arrays_come_back_mapped_and_a_new_folder_replaces_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "kept"
    write_folder(folder, {"a": np.arange(5), "b": np.zeros((2, 0))})
    write_folder(folder, {"a": np.arange(3)})
    found = map_folder(folder)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [0, 1, 2]
    assert not found["a"].flags.writeable
    assert [path.name for path in folder.parent.iterdir()] == ["kept"]


def test_a_crash_between_the_renames_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    write_folder(folder, {"a": np.arange(5)})
    folder.rename(folder.with_suffix(".old"))
    assert map_folder(folder)["a"].tolist() == [0, 1, 2, 3, 4]
    write_folder(folder, {"a": np.arange(2)})
    assert map_folder(folder)["a"].tolist() == [0, 1]


def test_missing_and_damaged_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no such"):
        map_folder(tmp_path / "none")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.npy").write_bytes(b"no array")
    with pytest.raises(SnapshotError, match="bad"):
        map_folder(tmp_path / "bad")
