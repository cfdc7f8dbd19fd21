from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.loops.material import Links
from engrain.loops.neighbours import NeighbourIndex
from engrain.loops.signals import EdgeType
from engrain.loops.strengthening import DAY, fading, high_value, retention, revived, strengthened
from tests.loops.planted import NOW, archive


def test_value_needs_use_and_quality() -> None:
    material = archive().material()
    valuable = high_value(material)
    assert valuable.any()
    assert (material.accesses[valuable] > 5).all()
    assert (material.quality[valuable] > 0.7).all()


def test_mutual_valuable_neighbours_grow_within_bounds() -> None:
    material = archive(1, 200).material()
    graph = NeighbourIndex.of_rows(material.vectors).graph(8)
    rows, all_valuable = np.arange(200), np.ones(200, np.bool_)
    links = Links.none()
    for _ in range(400):
        links = strengthened(links, graph, rows, all_valuable, cosine=0.5)
    assert len(links) > 20
    assert (links.weights < 1.0).all()
    assert links.weights.min() > 0.99
    for a, b in zip(links.a.tolist(), links.b.tolist(), strict=True):
        assert b in graph.rows[a]
        assert a in graph.rows[b]


def test_a_step_adds_its_share_and_keeps_the_kind() -> None:
    material = archive(2, 100).material()
    graph = NeighbourIndex.of_rows(material.vectors).graph(4)
    rows, all_valuable = np.arange(100), np.ones(100, np.bool_)
    fresh = strengthened(Links.none(), graph, rows, all_valuable, cosine=0.5)
    creative = Links(fresh.a[:1], fresh.b[:1], np.array([0.5]), np.array([int(EdgeType.Creative)]))
    again = strengthened(creative, graph, rows, all_valuable, cosine=0.5)
    cosine = fresh.weights[0] / 0.1
    assert again.weights[0] == pytest.approx(0.5 + 0.1 * cosine * 0.5)
    assert again.kinds[0] == int(EdgeType.Creative)
    assert again.weights[1:] == pytest.approx(fresh.weights[1:])


def test_retention_follows_a_power_law_and_use() -> None:
    days = np.array([1.0, 10.0, 100.0, 1000.0])
    now = 2000 * DAY
    kept = retention(np.zeros(4, np.int64), now - days * DAY, now - days * DAY, now)
    odds = kept / (1 - kept)
    assert np.diff(np.log(odds)) == pytest.approx([-0.5 * np.log(10)] * 3)
    used = retention(np.full(4, 3), now - days * DAY, now - days * DAY, now)
    assert (used > kept).all()


def test_only_old_and_hardly_used_memories_fade_and_use_revives_them() -> None:
    material = archive(3).material()
    faded = fading(material, NOW)
    assert faded.any()
    assert (material.accesses[faded] < 2).all()
    assert (NOW - material.created[faded] > 30 * DAY).all()
    used = replace(material, faded=faded, accessed=np.where(faded, NOW + 5, material.accessed))
    np.testing.assert_array_equal(revived(used, NOW), faded)
    assert not fading(replace(material, faded=faded), NOW).any()
