"""Every name that the specification of the loops promises, with its members."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path

import pytest

from engrain.loops import BaseLoRA, MicroLoRA, PatternExtractor, ReasoningBank

INSTANCES = {
    "MicroLoRA": MicroLoRA(4),
    "BaseLoRA": BaseLoRA(4),
    "PatternExtractor": PatternExtractor(ReasoningBank(4)),
}


@pytest.fixture(scope="module")
def promised(data: Path) -> list[list[str]]:
    path = data.parent / "seeds" / "names.tsv"
    if not path.is_file():
        pytest.skip("the specifications are not here")
    with path.open(encoding="utf-8") as file:
        return [row for row in csv.reader(file, delimiter="\t") if row and row[0] == "001"]


def test_every_promised_name_has_its_home(promised: list[list[str]]) -> None:
    assert len(promised) > 30
    missing = []
    for _, module, name, *members in promised:
        target = INSTANCES.get(name) or getattr(import_module(module), name, None)
        wanted = [member.lstrip(".") for member in " ".join(members).split()]
        absent = [member for member in wanted if not hasattr(target, member)]
        if target is None or absent:
            missing.append(f"{name} {absent}")
    assert missing == []
