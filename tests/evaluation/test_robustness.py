from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engrain.evaluation import robustness
from engrain.evaluation.robustness import RUNS, main, measure, page
from tests.evaluation.worlds import make_world


def test_one_page_of_all_runs_and_none_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = replace(make_world(), name="world")
    monkeypatch.setattr(robustness, "load_dataset", lambda folder: world)
    reports = measure(tmp_path, tmp_path / "runs", ["world"], [1])
    assert {kind for _, kind in reports} == set(RUNS)
    assert len(list((tmp_path / "runs").iterdir())) == len(RUNS)
    text = page(reports, [1])
    for heading in ("wrong, vague or biased", "comes late", "Change", "Attackers", "Exploration"):
        assert f"{heading}\n" in text
    assert text.count("| world |") == 4 + 5
    capsys.readouterr()
    arguments = ["data", "--runs", str(tmp_path / "runs"), "--sets", "world", "--seeds", "1"]
    main([*arguments, "--write", str(tmp_path / "page.md")])
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == text
    assert capsys.readouterr().out == ""
