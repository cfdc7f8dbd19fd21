from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from engrain.loops import CompressionReport, DeepLearningReport, DreamReport


@pytest.fixture
def report() -> DeepLearningReport:
    return DeepLearningReport(
        dreams=DreamReport(novel_connections=3, dreams_generated=50), phi=0.25, elapsed_ms=1234.5
    )


def test_json_holds_every_field(report: DeepLearningReport) -> None:
    read = json.loads(report.to_json())
    assert list(read)[:7] == [
        "consolidation",
        "abstraction",
        "dreams",
        "transfer",
        "compression",
        "phi",
        "elapsed_ms",
    ]
    assert read["dreams"]["novel_connections"] == 3
    assert read["dreams"]["dreams_generated"] == 50


def test_text_indents_the_phases(report: DeepLearningReport) -> None:
    lines = report.to_text().splitlines()
    assert lines[0] == "Deep learning report"
    assert "  Dream report" in lines
    assert "    novel_connections: 3" in lines
    assert "  elapsed_ms: 1234.5" in lines


def test_html_is_well_formed_and_complete(report: DeepLearningReport) -> None:
    page = ET.fromstring(report.to_html())  # noqa: S314
    captions = [c.text for c in page.iter("caption")]
    cells = [c.text for c in page.iter("td")]
    assert len(captions) == 6
    assert {"3", "50", "0.25", "1234.5"} <= set(cells)


def test_the_ratio_follows_the_counts_and_is_shown() -> None:
    report = CompressionReport(initial_nodes=120, final_nodes=100)
    assert report.compression_ratio == pytest.approx(1.2)
    assert json.loads(report.to_json())["compression_ratio"] == pytest.approx(1.2)
    assert "compression_ratio: 1.2" in report.to_text()
    assert CompressionReport().compression_ratio == 1.0
