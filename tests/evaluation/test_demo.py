from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engrain.cli import app
from engrain.evaluation.corpus import standard_library
from engrain.evaluation.demo import checkpoints

SOURCE = standard_library() / "asyncio"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def printed(folder: Path) -> str:
    arguments = ["demo", "--source", SOURCE, "--report", folder / "report.html"]
    result = CliRunner().invoke(app, [str(a) for a in [*arguments, "--json", folder / "demo.json"]])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def figures(printed: str, folder: Path) -> dict[str, Any]:
    assert printed
    result: dict[str, Any] = json.loads((folder / "demo.json").read_text())
    return result


def test_checkpoints_end_with_the_stream() -> None:
    assert max(checkpoints(100)) == 100
    assert checkpoints(1) == {1}


def test_taught_questions_are_ranked_better_and_the_memory_survives_a_restart(
    figures: dict[str, Any],
) -> None:
    assert figures["repeat"]["ci95"][0] > 0
    assert figures["restart"]["identical"]
    assert figures["restart"]["same_state"]
    assert figures["latency_us"]["recall_p50"] > 0
    assert figures["curve"][0]["learned"] >= figures["curve"][0]["static"]


def test_the_guard_holds_an_attacker_that_gets_through_without_it(
    figures: dict[str, Any],
) -> None:
    poison = figures["poison"]
    assert poison["guarded"]["top5_share"] <= poison["before"]["top5_share"] + 0.01
    assert poison["guarded"]["recall5"] >= poison["before"]["recall5"] - 0.02
    assert poison["unguarded"]["top5_share"] >= poison["guarded"]["top5_share"]


def test_the_page_stands_alone_and_the_terminal_says_where_it_is(
    printed: str, folder: Path
) -> None:
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 4
    assert "http" not in page
    assert str(folder / "report.html") in printed
    assert "engrain inspect" in printed
    assert (folder / "demo.db").exists()
