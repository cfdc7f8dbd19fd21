from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engrain.evaluation.lift import Plan, Table, main, measure, page
from tests.evaluation.worlds import make_world


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    worlds = {"mem_locomo_dev": make_world(conversations=2), "texts": make_world()}
    monkeypatch.setattr("engrain.evaluation.lift.load_dataset", lambda path: worlds[path.name])
    sets, protocols = ("mem_locomo_dev", "texts"), ("static", "bare", "judged")
    return Plan(tmp_path, tmp_path / "runs", sets, protocols, (1,))


def test_every_cell_is_run_once_and_kept(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    reports = measure(plan)
    assert set(reports) == {
        ("mem_locomo_dev", "static", 1),
        ("mem_locomo_dev", "bare", 1),
        ("mem_locomo_dev", "judged", 1),
        ("texts", "static", 1),
        ("texts", "judged", 1),
    }
    assert capsys.readouterr().out.count("seed 1") == 5
    kept = plan.runs / "texts-static-1.json"
    kept.write_text(json.dumps(reports["texts", "static", 1] | {"queries": -1}))
    assert measure(plan)["texts", "static", 1]["queries"] == -1
    assert capsys.readouterr().out == ""


def test_the_page_shows_the_figures_of_the_reports(plan: Plan) -> None:
    reports = measure(plan)
    text = page(reports, plan.seeds)
    for (name, protocol, _), report in reports.items():
        assert name in text
        if protocol != "bare":
            assert f"{report['prior']['ndcg10']:.4f}" in text
    lift = reports["texts", "judged", 1]["evidence"]
    low, high = lift["ci95"]
    assert f"{lift['lift']:+.3f} [{low:+.3f}, {high:+.3f}]" in text
    assert "Not run." in text  # the streams
    assert Table(reports, "judged").mechanisms()["s:cos"]


def test_the_command_writes_a_page(plan: Plan) -> None:
    target = plan.folder / "lift.md"
    main(
        [
            *(str(plan.folder), "--write", str(target), "--runs", str(plan.runs)),
            *("--sets", "texts", "--protocols", "static", "--seeds", "2"),
        ]
    )
    assert target.read_text().startswith("# Lift")


def test_a_page_can_be_written_of_finished_runs_alone(plan: Plan) -> None:
    assert measure(replace(plan, finished=True)) == {}
    measure(replace(plan, sets=("texts",), protocols=("static",)))
    assert list(measure(replace(plan, finished=True))) == [("texts", "static", 1)]


def test_rows_of_fewer_runs_say_so(plan: Plan) -> None:
    reports = measure(replace(plan, protocols=("judged",), sets=("texts",), seeds=(1, 2)))
    reports |= measure(replace(plan, protocols=("judged",)))
    rows = Table(reports, "judged").markdown({"base": "static.ndcg10"})[2:4]
    assert rows[0].startswith("| texts | ")
    assert rows[1].startswith("| mem_locomo_dev, 1 of 2 seeds | ")
