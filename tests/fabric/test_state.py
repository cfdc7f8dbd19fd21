from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.fabric.state import load_state, save_state


def test_states_come_back_whatever_the_suffix(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])}
    written = save_state(tmp_path / "deep" / "state.npy", arrays, {"steps": 3})
    assert written.name == "state.safetensors"
    got, settings = load_state(tmp_path / "deep" / "state.pt")
    assert settings == {"steps": 3}
    assert all(np.array_equal(arrays[k], got[k]) and arrays[k].dtype == got[k].dtype for k in got)


def test_missing_damaged_and_mixed_states_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="missing"):
        load_state(tmp_path / "none")
    save_state(tmp_path / "a", {"x": np.zeros(3)}, {})
    save_state(tmp_path / "b", {"x": np.ones(3)}, {})
    (tmp_path / "a.json").write_text((tmp_path / "b.json").read_text())
    with pytest.raises(SnapshotError, match="belong together"):
        load_state(tmp_path / "a")
    (tmp_path / "b.safetensors").write_bytes(b"short")
    with pytest.raises(SnapshotError, match="damaged"):
        load_state(tmp_path / "b")
