from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from engrain.loops.analogies import MappingType
from engrain.loops.memory_service import MemoryService
from engrain.loops.signals import EdgeType
from engrain.memory import Memory
from engrain.memory.reorganisation import Change
from tests.loops.planted import topics


def test_material_is_what_is_shown_and_has_a_vector(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=3) as memory:
        rng = np.random.default_rng(0)
        for i in range(6):
            memory.remember(f"text {i}", vector=rng.standard_normal(3))
        memory.remember("no vector")
        memory.link("m1", "m3", 0.5)
        memory.link("m2", "m6", 0.4)
        memory.judge("text", {"m3": 1.0}, vector=rng.standard_normal(3))
        store = MemoryService(memory)
        store.apply(Change("compression", merged=np.array([[0, 1]]), run=1))
        material = store.material()
        assert material.handles.tolist() == [0, 2, 3, 4, 5]
        assert material.text is not None
        assert material.text(1) == "text 2"
        assert (material.links.a.tolist(), material.links.b.tolist()) == ([0], [1])
        assert material.questions[0].relevant.tolist() == [1]
        assert store.progress().phases == ("compression",)


def test_an_empty_memory_is_no_material(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db") as memory:
        assert len(MemoryService(memory).material()) == 0


def test_the_graph_is_changed_step_by_step_and_each_step_undone(tmp_path: Path) -> None:
    rows, topic = topics(0, 120, groups=3)
    with Memory(tmp_path / "m.db", dim=rows.shape[1]) as memory:
        for i, row in enumerate(rows):
            memory.remember(f"note {i}", vector=row, id=i)
        memory.remember("Note 5!", vector=rows[5], id="copy")
        service = MemoryService(memory)
        assert (service.node_count(), service.edge_count()) == (121, 0)
        assert len(service.get_all_nodes()) == 121
        service.strengthen_edge(3, 1, 0.5)
        service.strengthen_edge(1, 3, 0.5)
        service.add_weak_edge(1, 2, EdgeType.Creative, 0.005)
        service.add_weak_edge(2, 3, EdgeType.Associative, 0.9)
        service.add_analogy_edge(7, 8, MappingType.Rotation, 0.8)
        contents = memory.contents()
        assert contents.ends.tolist() == [[1, 2], [1, 3], [2, 3], [7, 8]]
        assert contents.weights == pytest.approx([0.005, 0.75, 0.9, 0.08])
        assert contents.kinds.tolist() == [1, 0, 0, 2]
        assert service.get_weak_edges().tolist() == [[1, 2]]
        removed = service.remove_edge(1, 2)
        assert service.edge_count() == 3
        memory.undo(removed)
        assert service.get_weak_edges().tolist() == [[1, 2]]
        (pair,) = service.find_near_duplicates().tolist()
        assert pair == [5, 120]
        merged = service.merge_nodes(*pair)
        assert service.node_count() == 120
        memory.undo(merged)
        assert service.node_count() == 121
        service.decay_node(9)
        assert memory.stats()["faded"] == 1
        labels = service.identify_domains().memories()
        assert adjusted_rand_score(topic, labels[:120]) > 0.95
        assert service.progress().run == 0
