from __future__ import annotations

import math
from pathlib import Path

import pytest

from engrain.evaluation.runs import kept, page_arguments, pick, publish


def test_a_run_is_kept_and_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    assert kept(path, "first", lambda: {"queries": 3}) == {"queries": 3}
    assert kept(path, "second", lambda: {"queries": 4}) == {"queries": 3}
    assert capsys.readouterr().out == "first\n"


def test_a_figure_is_picked_by_its_path() -> None:
    report = {"lift": {"ndcg10": 0.5}, "trees": None}
    assert pick(report, "lift.ndcg10") == 0.5
    assert math.isnan(pick(report, "trees.ndcg10"))


def test_a_page_goes_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = page_arguments("lift", "What.", ("a",)).parse_args(["data"])
    assert (given.runs, given.sets, given.seeds) == (Path("build/lift"), ("a",), (1, 2, 3))
    publish("text", given.write)
    assert capsys.readouterr().out == "text\n"
    publish("text", tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "text"
