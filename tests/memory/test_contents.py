from __future__ import annotations

from pathlib import Path

import numpy as np

from engrain.memory import Memory
from engrain.memory.reorganisation import Change


def test_contents_are_aligned_columns(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", clock=lambda: 50.0) as memory:
        memory.remember_many([f"note {word}" for word in ("apple", "pear", "plum", "fig")])
        memory.forget("m2")
        found = memory.recall("note plum", k=1)
        memory.feedback(found, used=["m3"])
        contents = memory.contents()
        assert contents.handles.tolist() == [0, 2, 3]
        assert contents.texts == ["note apple", "note plum", "note fig"]
        assert contents.accesses.tolist() == [0, 1, 0]
        np.testing.assert_array_equal(contents.quality, [np.nan, 1.0, np.nan])
        assert (contents.known_since == np.inf).all()
        memory.reorganise(Change("finished", run=1))
        memory.remember("note more")
        assert memory.contents().known_since.tolist() == [50.0] * 3 + [np.inf]
        np.testing.assert_allclose(np.linalg.norm(contents.vectors, axis=1), 1.0, rtol=1e-5)


def test_answered_questions_are_ranked_without_their_own_evidence(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db") as memory:
        memory.remember_many([f"the {word} is here" for word in ("apple", "pear", "plum", "fig")])
        memory.judge("where is the pear", {"m2": 1.0, "m4": 0.0})
        recall = memory.recall("where is the fig", k=3)
        memory.feedback(recall, outcomes={recall.hits[0].id: 1.0, recall.hits[1].id: 0.0})
        judged, clicked = memory.answered()
        assert judged.relevant.tolist() == [1]
        assert judged.ranked[0] == 1
        assert len(judged.ranked) == 4
        assert clicked.ranked.tolist() == [int(str(hit.id)[1:]) - 1 for hit in recall.hits]
        assert clicked.relevant.tolist() == clicked.ranked[:1].tolist()
        memory.reorganise(Change("compression", merged=np.array([[0, 1]])))
        assert memory.answered()[0].relevant.tolist() == [0]
        assert 1 not in memory.answered()[0].ranked
        assert memory.answered(0) == []
