from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import SnapshotError
from engrain.learning.cold_start import PopulationPrior
from engrain.learning.persistence import load_checkpoint, load_state, save_checkpoint, save_state

STATE = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "nested": {"empty": np.zeros((0, 4)), "ids": ["s:a", "i:7"], "rate": 0.1, "none": None},
    "list": [np.array(3, dtype=np.int64), {"flag": True}],
}


def test_a_nested_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    save_state(tmp_path / "state", STATE)
    again = load_state(tmp_path / "state")
    np.testing.assert_array_equal(again["weights"], STATE["weights"])
    assert again["weights"].dtype == np.float32
    assert again["nested"]["empty"].shape == (0, 4)
    assert again["nested"]["ids"] == ["s:a", "i:7"]
    assert (again["nested"]["rate"], again["nested"]["none"]) == (0.1, None)
    assert again["list"][0] == 3
    assert again["list"][1] == {"flag": True}
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    save_state(path, STATE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(whole), 100):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << rng.integers(0, 8)
        path.write_bytes(bytes(damaged))
        try:
            again = load_state(path)
        except SnapshotError:
            continue
        assert repr(again) == repr(load_from(path, whole))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SnapshotError, match="damaged"):
        load_state(path)


def load_from(path: Path, data: bytes) -> object:
    path.write_bytes(data)
    return load_state(path)


def test_what_is_not_a_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot read"):
        load_state(tmp_path / "absent")
    (tmp_path / "code").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(SnapshotError, match="not a snapshot"):
        load_state(tmp_path / "code")


def test_a_checkpoint_asks_for_the_parts_it_holds(tmp_path: Path) -> None:
    prior, other = PopulationPrior(0.25, 8.0), PopulationPrior()
    save_checkpoint(tmp_path / "c", {"prior": prior})
    with pytest.raises(SnapshotError, match="prior"):
        load_checkpoint(tmp_path / "c", {"trace": other})
    load_checkpoint(tmp_path / "c", {"prior": other})
    assert (other.mean, other.strength) == (0.25, 8.0)
