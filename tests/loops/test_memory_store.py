from __future__ import annotations

from pathlib import Path

import numpy as np

from engrain.loops.memory_store import MemoryStore
from engrain.memory import Memory
from engrain.memory.reorganisation import Change


def test_material_is_what_is_shown_and_has_a_vector(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=3) as memory:
        rng = np.random.default_rng(0)
        for i in range(6):
            memory.remember(f"text {i}", vector=rng.standard_normal(3))
        memory.remember("no vector")
        memory.link("m1", "m3", 0.5)
        memory.link("m2", "m6", 0.4)
        memory.judge("text", {"m3": 1.0}, vector=rng.standard_normal(3))
        store = MemoryStore(memory)
        store.apply(Change("compression", merged=np.array([[0, 1]])))
        material = store.material()
        assert material.handles.tolist() == [0, 2, 3, 4, 5]
        assert material.text is not None
        assert material.text(1) == "text 2"
        assert (material.links.a.tolist(), material.links.b.tolist()) == ([0], [1])
        assert material.questions[0].relevant.tolist() == [1]
        assert store.progress().phases == ("compression",)


def test_an_empty_memory_is_no_material(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db") as memory:
        assert len(MemoryStore(memory).material()) == 0
