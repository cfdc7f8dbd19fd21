from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ShapeError, SnapshotError
from engrain.loops.archive import COLUMNS, Archive
from engrain.loops.config import DeepLearningConfig
from engrain.loops.deep import DeepLearningLoop
from tests.loops.planted import NOW, archive


def same(one: Archive, other: Archive) -> bool:
    columns = all(
        np.array_equal(getattr(one, n), getattr(other, n), equal_nan=n == "quality")
        for n in COLUMNS
    )
    names = ("a", "b", "weights", "kinds")
    return columns and all(
        np.array_equal(getattr(one.links, n), getattr(other.links, n)) for n in names
    )


def test_a_run_is_undone_exactly_change_by_change() -> None:
    store, untouched = archive(0, 300), archive(0, 300)
    for each in (store, untouched):
        each.vectors[1] = each.vectors[0]
    DeepLearningLoop(
        store, config=DeepLearningConfig(strengthen_cosine=0.3), clock=lambda: NOW
    ).run_once()
    assert store.merged_into.max() >= 0
    assert store.faded.any()
    assert len(store.links)
    assert len(store) == len(untouched) - 1
    for change in reversed(store.changes.copy()):
        store.apply(change.inverse())
    assert same(store, untouched)


def test_a_snapshot_holds_everything_and_is_mapped(tmp_path: Path) -> None:
    store = archive(1, 300)
    store.vectors[5] = store.vectors[6]
    DeepLearningLoop(store, clock=lambda: NOW).run_once()
    store.save(tmp_path / "archive")
    opened = Archive.open(tmp_path / "archive", clock=lambda: NOW)
    assert isinstance(opened.vectors, np.memmap)
    assert same(opened, store)
    assert opened.progress().run == 1
    assert len(opened.material()) == len(store.material()) == 299


def test_merged_memories_leave_their_links_and_questions_behind() -> None:
    store = archive(2, 200)
    store.vectors[9] = store.vectors[8]
    DeepLearningLoop(
        store, config=DeepLearningConfig(strengthen_cosine=0.3), clock=lambda: NOW
    ).run_once()
    material = store.material()
    assert len(material) == 199
    assert material.links.b.max() < 199
    second = DeepLearningLoop(store, clock=lambda: NOW).run_once()
    assert second.compression.nodes_merged == 0


def test_bad_archives_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="accesses"):
        Archive(np.zeros((3, 2), np.uint16), accesses=np.zeros(2, np.int64))
    with pytest.raises(SnapshotError):
        Archive.open(tmp_path / "none")
