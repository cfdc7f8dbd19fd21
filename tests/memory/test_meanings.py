from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from engrain.memory import Memory
from engrain.memory.meanings import MEANINGS, meaning

PAGE = Path(__file__).parents[2] / "docs" / "components.md"


def test_every_component_has_a_meaning_and_every_meaning_a_component(tmp_path: Path) -> None:
    unit = np.eye(4, dtype=np.float32)[0]
    with Memory(tmp_path / "m.db", dim=4, components=["gate", "patterns"]) as memory:
        memory.remember("a thing", vector=unit)
        weights = memory.explain(memory.recall("thing", vector=unit)).weights
    with Memory(tmp_path / "n.db") as memory:
        memory.remember("a thing")
        weights |= memory.explain(memory.recall("thing")).weights
    assert set(weights) <= set(MEANINGS)
    assert set(MEANINGS) - set(weights) <= {"s:cos2"}


def test_a_component_from_outside_is_called_by_its_name() -> None:
    assert meaning("popularity") == "popularity"
    assert meaning("s:bm25") == MEANINGS["s:bm25"]


def test_the_page_says_the_same() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == dict(MEANINGS)
