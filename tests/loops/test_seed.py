"""Every name that the specification of the loops promises, with its members."""

from __future__ import annotations

from pathlib import Path

from engrain.loops import BaseLoRA, MicroLoRA, PatternExtractor, ReasoningBank
from tests.specification import missing_names, promised_names

INSTANCES = {
    "MicroLoRA": MicroLoRA(4),
    "BaseLoRA": BaseLoRA(4),
    "PatternExtractor": PatternExtractor(ReasoningBank(4)),
}


def test_every_promised_name_has_its_home(data: Path) -> None:
    rows = promised_names(data, "001")
    assert len(rows) > 30
    assert missing_names(rows, INSTANCES) == []
