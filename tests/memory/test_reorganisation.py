from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError, UnknownIdError
from engrain.memory import Memory
from engrain.memory.reorganisation import Change, Progress


def filled(path: Path, n: int = 12) -> Memory:
    memory = Memory(path, clock=lambda: 1000.0)
    memory.remember_many(
        [f"the garden number {i} grows {'apples' * (i % 3)} well" for i in range(n)]
    )
    return memory


def linking(a: int, b: int, weight: float, kind: int = 0, **options: object) -> Change:
    one = np.ones(1)
    return Change(
        "dreams",
        ends=np.array([[a, b]]),
        before=0 * one,
        after=weight * one,
        kinds_before=np.zeros(1, np.int64),
        kinds_after=np.array([kind]),
        **options,  # type: ignore[arg-type]
    )


def pairs(*rows: tuple[int, int]) -> np.ndarray:
    return np.array(rows, np.int64).reshape(-1, 2)


def linked(memory: Memory) -> dict[tuple[int, int], tuple[float, int]]:
    contents = memory.contents()
    ends = [(a, b) for a, b in contents.ends.tolist()]
    values = zip(contents.weights.tolist(), contents.kinds.tolist(), strict=True)
    return dict(zip(ends, values, strict=True))


def test_a_merged_memory_is_not_shown_and_comes_back_exactly(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        before = memory.recall("garden number 3", k=12, log=False)
        receipt = memory.reorganise(Change("compression", merged=pairs((0, 3), (0, 6)), run=1))
        shown = [hit.id for hit in memory.recall("garden number 3", k=12, log=False).hits]
        assert len(shown) == 10
        assert not {"m4", "m7"} & set(shown)
        assert memory.stats()["merged"] == 2
        memory.undo(receipt)
        after = memory.recall("garden number 3", k=12, log=False)
        assert [(h.id, h.score) for h in after.hits] == [(h.id, h.score) for h in before.hits]
        assert memory.stats()["merged"] == 0


def test_links_have_kinds_and_their_changes_inverses(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        memory.link("m1", "m2", 0.5)
        memory.reorganise(linking(2, 5, 0.3, kind=1))
        change = Change(
            "compression",
            ends=pairs((0, 1), (2, 5), (3, 4)),
            before=np.array([0.5, 0.3, 0.0]),
            after=np.array([0.0, 0.4, 0.2]),
            kinds_before=np.array([0, 1, 0]),
            kinds_after=np.array([0, 1, 2]),
        )
        receipt = memory.reorganise(change)
        assert linked(memory) == {(2, 5): (0.4, 1), (3, 4): (0.2, 2)}
        memory.undo(receipt.seq)
        assert linked(memory) == {(0, 1): (0.5, 0), (2, 5): (0.3, 1)}


def test_linked_neighbours_pass_over_the_merged_and_the_faded(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        for other, weight in ((7, 0.9), (8, 0.8), (9, 0.7)):
            memory.reorganise(linking(0, other, weight))
        memory.reorganise(Change("compression", merged=pairs((1, 7))))
        memory.reorganise(Change("consolidation", faded=np.array([8])))
        found = memory.recall("garden number 0", k=1, max_linked=2, log=False)
        assert found.hits[0].id == "m1"
        assert [hit.id for hit in found.linked] == ["m10"]


def test_everything_survives_replay_and_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with filled(path) as memory:
        memory.reorganise(linking(2, 5, 0.3, kind=1, notes=("rotation",), run=4))
        memory.snapshot()
        memory.reorganise(Change("compression", merged=pairs((0, 3)), faded=np.array([8]), run=4))
        memory.reorganise(Change("finished", run=4))
        state, progress = memory.state_hash, memory.progress
        memory.flush()
    assert progress == Progress(4, ("dreams", "compression", "finished"), 1000.0)
    with Memory(path) as memory:
        assert memory.state_hash == state
        assert memory.progress == progress
        memory.verify()
    with Memory(path, mode="r") as memory:
        assert linked(memory) == {(2, 5): (0.3, 1)}


def test_rollback_leaves_reorganisations_out(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        kept = memory.reorganise(linking(2, 5, 0.3))
        memory.reorganise(Change("compression", merged=pairs((0, 3))))
        memory.rollback(kept)
        assert memory.stats()["merged"] == 0
        assert linked(memory) == {(2, 5): (0.3, 0)}


def test_forgetting_one_that_stood_for_others_shows_them_again(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        receipt = memory.reorganise(Change("compression", merged=pairs((0, 3), (0, 6))))
        memory.forget("m1")
        assert memory.stats()["merged"] == 0
        assert len(memory.contents().handles) == 11
        memory.undo(receipt)
        assert len(memory.contents().handles) == 11


def test_bad_changes_are_refused_before_anything_changes(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        seq, state = memory.flush(), memory.state_hash
        with pytest.raises(UnknownIdError):
            memory.reorganise(Change("compression", merged=pairs((0, 99))))
        with pytest.raises(ConfigError, match="itself"):
            memory.reorganise(linking(3, 3, 0.5))
        with pytest.raises(ConfigError, match="weights"):
            memory.reorganise(linking(3, 4, 1.5))
        with pytest.raises(ConfigError, match="not undo"):
            memory.undo(2)
        assert (memory.flush(), memory.state_hash) == (seq, state)


def test_what_was_forgotten_while_a_run_worked_is_left_out(tmp_path: Path) -> None:
    with filled(tmp_path / "m.db") as memory:
        memory.forget("m4")
        change = Change(
            "compression",
            ends=pairs((1, 3), (1, 2)),
            before=np.zeros(2),
            after=np.array([0.5, 0.4]),
            kinds_before=np.zeros(2, np.int64),
            kinds_after=np.zeros(2, np.int64),
            merged=pairs((0, 3), (0, 6)),
            faded=np.array([3, 8]),
            run=1,
        )
        memory.reorganise(change)
        assert linked(memory) == {(1, 2): (0.4, 0)}
        assert (memory.stats()["merged"], memory.stats()["faded"]) == (1, 1)
        with pytest.raises(UnknownIdError):
            memory.reorganise(Change("merge", merged=pairs((0, 3))))
