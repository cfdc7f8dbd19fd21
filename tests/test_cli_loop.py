from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engrain import Memory
from engrain.cli import app
from engrain.loops import SONACheckpoint
from tests.loops.batches import planted

runner = CliRunner()
DIM = 16


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.db"
    with Memory(path, dim=DIM) as memory:
        batch = planted(0, 40, DIM)
        memory.remember_many(
            {"text": f"fact {i}", "vector": v, "id": i} for i, v in enumerate(batch.directions)
        )
        for i in range(30):
            memory.judge(f"question {i}", {i: 1.0, 39: 0.0}, vector=batch.queries[i])
    return path


def test_once_learns_from_the_log_and_then_there_is_nothing_to_do(file: Path) -> None:
    first = runner.invoke(app, ["loop", "background", str(file), "--once", "--json", "-"])
    assert first.exit_code == 0, first.output
    report = json.loads(first.stdout)
    assert (report["samples"], report["refitted"], report["skipped"]) == (30, True, "")
    assert file.with_name("m.db.loops").joinpath("latest.sona").exists()
    second = runner.invoke(app, ["loop", "background", str(file), "--once"])
    assert second.exit_code == 0
    assert "nothing done: 0 signals, 10 needed" in second.stdout


def test_a_dry_run_leaves_the_file_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    done = runner.invoke(app, ["loop", "background", str(file), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "30 signals" in done.stdout
    assert "router" in done.stdout
    assert file.read_bytes() == before
    assert not file.with_name("m.db.loops").exists()


def test_the_deep_loop_reports_as_text_json_and_html(file: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    dry = runner.invoke(
        app, ["loop", "deep", str(file), "--dry-run", "--json", "-", "--report", str(page)]
    )
    assert dry.exit_code == 0, dry.output
    report = json.loads(dry.stdout)
    assert report["dry_run"]
    assert report["memories"] == 40
    assert "<table>" in page.read_text()
    done = runner.invoke(app, ["loop", "deep", str(file), "--once"])
    assert done.exit_code == 0, done.output
    assert "Deep learning report" in done.stdout
    with Memory(file) as memory:
        assert memory.progress.run == 1
        assert memory.verify().ok


def test_the_deep_loop_reads_what_the_background_loop_left(file: Path) -> None:
    assert runner.invoke(app, ["loop", "background", str(file), "--once"]).exit_code == 0
    first = runner.invoke(app, ["loop", "deep", str(file), "--once", "--json", "-"])
    assert json.loads(first.stdout)["mode"] == "full"
    with Memory(file) as memory:
        batch = planted(1, 20, DIM)
        for i in range(20):
            memory.judge(f"later {i}", {i: 1.0}, vector=batch.queries[i])
    assert runner.invoke(app, ["loop", "background", str(file), "--once"]).exit_code == 0
    second = runner.invoke(app, ["loop", "deep", str(file), "--once", "--json", "-"])
    report = json.loads(second.stdout)
    assert (second.exit_code, report["mode"]) == (0, "incremental")
    assert report["looked_at"] >= 20
    kept = SONACheckpoint.load(file.with_name("m.db.loops") / "latest.sona")
    assert len(kept.progress["outbox"]["memories"]) == 0


def test_what_cannot_be_done_is_one_line_and_status_1(tmp_path: Path, file: Path) -> None:
    missing = runner.invoke(app, ["loop", "background", str(tmp_path / "no.db"), "--once"])
    assert missing.exit_code == 1
    assert "does not exist" in missing.stderr
    with Memory(tmp_path / "empty.db", dim=DIM):
        pass
    bare = runner.invoke(app, ["loop", "background", str(tmp_path / "empty.db"), "--once"])
    assert bare.exit_code == 1
    assert "no vectors" in bare.stderr
    wrong = runner.invoke(app, ["loop", "background", str(file), "--models", "0", "--once"])
    assert wrong.exit_code == 1
    assert "models" in wrong.stderr
    assert runner.invoke(app, ["loop", "sideways"]).exit_code == 2
