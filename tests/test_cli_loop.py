from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engrain import Memory
from engrain.cli import app
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
