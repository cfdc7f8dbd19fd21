from __future__ import annotations

import json
import re

import numpy as np
import pytest

from engrain.base.errors import ShapeError
from engrain.fabric.memory_map import memory_map_html


def content(page: str) -> dict[str, list[dict[str, object]]]:
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    loaded: dict[str, list[dict[str, object]]] = json.loads(found.group(1))
    return loaded


def test_every_memory_is_a_dot_and_domains_keep_apart() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(0, 0.2, (40, 8)), rng.normal(3, 0.2, (40, 8))])
    domains = ["cooking"] * 40 + ["law"] * 40
    page = memory_map_html(vectors, ["x"] * 80, domains, np.arange(80), np.ones(80))
    points = content(page)["points"]
    assert len(points) == 80
    cells = [
        {(int(p["x"]) // 36, int(p["y"]) // 36) for p in points if p["domain"] == d}  # type: ignore[call-overload]
        for d in ("cooking", "law")
    ]
    assert not cells[0] & cells[1]
    assert [points[0]["utility"], points[-1]["utility"]] == [0, 1]
    assert {p["recency"] for p in points} == {0.5}


def test_labels_cannot_leave_their_script() -> None:
    evil = "</script><script>alert(1)</script>"
    page = memory_map_html(np.eye(3), [evil] * 3, ["a"] * 3, [1, 2, 3], [1, 2, 3])
    assert evil not in page
    assert content(page)["points"][0]["label"] == evil


def test_lengths_must_agree() -> None:
    with pytest.raises(ShapeError, match="one length"):
        memory_map_html(np.eye(3), ["a"], ["a"] * 3, [1, 2, 3], [1, 2, 3])
    with pytest.raises(ShapeError, match="two vectors"):
        memory_map_html(np.eye(1), ["a"], ["a"], [1], [1])
