"""The specification's own snippets, run as they stand, and every name that it promises."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.learning.collector import default_store
from tests.specification import missing_names, promised_names, snippets, specification
from tests.strategies import normal

SPECIFICATION = "000_t4dm_learning_module.md"


def executable_blocks(text: str) -> list[str]:
    """Return the blocks that are Python; two of the text's blocks are formulas in no language."""
    found = []
    for block in snippets(text):
        source = block.replace("ww.learning", "engrain.learning")
        try:
            compile(source, SPECIFICATION, "exec")
        except SyntaxError:
            continue
        found.append(source)
    return found


def test_the_snippets_run_as_they_stand(data: Path) -> None:
    default_store.cache_clear()
    query: F32Array = normal(0, 32)
    names: dict[str, Any] = {
        "query_embedding": query,
        "query_emb": query,
        "context": {},
        "retrieved_ids": ["mem-1", "mem-2", "mem-123"],
        "ids": ["mem-123", "mem-2"],
        "scores": [0.9, 0.7, 0.4],
        "outcomes": {"mem-123": 0.9},
        "features": np.random.default_rng(0).random((5, 4)),
        "experiences": [],
    }
    blocks = executable_blocks(specification(data, SPECIFICATION))
    for number, block in enumerate(blocks):
        if "process_retrieval(ids, scores)" in block:
            names["scores"] = [0.8, 0.6]
        exec(compile(block, f"snippet {number}", "exec"), names)  # noqa: S102
        check_values(number, names)
    assert len(blocks) == 9
    default_store.cache_clear()


def check_values(number: int, names: dict[str, Any]) -> None:
    if number == 0:
        params = names["params"]
        assert params.rpe == pytest.approx(0.3)
        product = params.gate * params.eligibility * params.rpe
        assert names["effective_lr"] == pytest.approx(product) != 0.0
        assert names["signals"]["mem-2"] < 0 < names["signals"]["mem-1"]
    elif number == 1:
        assert names["credits"]["memory-123"] == pytest.approx(0.8 * math.exp(-0.05), rel=1e-6)
    elif number == 2:
        da = names["da"]
        assert names["rpe"] == pytest.approx(0.4)
        assert da.get_expected("memory-123") == pytest.approx(0.5 + 0.1 * 0.4 + 0.1 * 0.4, abs=1e-6)
    elif number == 4:
        assert names["update"] is None
    elif number == 6:
        assert names["scores"].shape == (5,)
        assert names["loss"] == 0.0
    elif number == 7:
        assert names["delta_w"] == pytest.approx(0.005 * math.exp(-5 / 20), rel=1e-6)
    elif number == 8:
        assert default_store().retrievals()[-1].query == "python debugging"


@pytest.mark.parametrize(("outcome", "sign"), [(0.9, 1), (0.1, -1)])
def test_a_memory_added_first_follows_the_snippet(outcome: float, sign: int) -> None:
    from engrain.learning.reconsolidation import ReconsolidationEngine

    engine = ReconsolidationEngine(base_lr=0.01)
    memory, query = normal(1, 32), normal(2, 32)
    engine.add("mem-123", memory)
    update = engine.update_embedding(memory_id="mem-123", query_embedding=query, outcome=outcome)
    assert update is not None
    before = memory @ query / np.linalg.norm(memory) / np.linalg.norm(query)
    after = update @ query / np.linalg.norm(query)
    assert sign * (after - before) > 1e-4


def test_every_promised_name_has_its_home(data: Path) -> None:
    rows = promised_names(data, "000")
    assert len(rows) > 30
    assert missing_names(rows) == []
