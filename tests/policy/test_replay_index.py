from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.policy.replay_index import ReplayIndex

HASH = bytes(range(32))


def filled(path: Path | None, count: int) -> ReplayIndex:
    index = ReplayIndex(5, path)
    for seq in range(1, count + 1):
        index.push(10 * seq, HASH, seq / 4)
    return index


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 13])
def test_keeps_the_latest_in_order_and_reads_itself_back(tmp_path: Path, count: int) -> None:
    path = tmp_path / "ring"
    filled(path, count).flush()
    again = ReplayIndex(5, path)
    slots = again.slots()
    assert [again.seq_at(slot) for slot in slots.tolist()] == [
        10 * seq for seq in range(max(1, count - 4), count + 1)
    ]
    assert again.count == count
    assert len(again) == min(count, 5)
    assert again.seq == 10 * count


def test_priorities_are_kept(tmp_path: Path) -> None:
    index = filled(tmp_path / "ring", 5)
    slots = np.array([0, 3])
    index.prioritize(slots, np.array([7.0, 0.5], np.float32))
    index.flush()
    again = ReplayIndex(5, tmp_path / "ring")
    assert again.priorities(slots).tolist() == [7.0, 0.5]
    assert again.hash == HASH


def test_any_flipped_bit_empties_it(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    filled(path, 5).flush()
    whole = path.read_bytes()
    padding = range(68, 72)
    for place in range(len(whole)):
        if place in padding:
            continue
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        assert len(ReplayIndex(5, path)) == 0, place
        path.write_bytes(whole)


def test_another_capacity_starts_anew(tmp_path: Path) -> None:
    filled(tmp_path / "ring", 5).flush()
    assert len(ReplayIndex(6, tmp_path / "ring")) == 0
