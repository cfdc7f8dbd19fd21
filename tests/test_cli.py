from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import engrain
from engrain.cli import app
from tests.evaluation.worlds import make_world

DIM = 4


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "memory.db"
    rng = np.random.default_rng(1)
    with engrain.Memory(path, dim=DIM) as memory:
        for number in range(6):
            memory.remember(f"thing {number}", vector=rng.standard_normal(DIM), id=f"m{number}")
        for _ in range(3):
            recall = memory.recall("thing 3", vector=rng.standard_normal(DIM), k=4)
            memory.feedback(recall, used=[recall.hits[1].id], principal="kim")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    world = make_world()
    root = tmp_path / "world"
    root.mkdir()
    with (root / "docs.jsonl").open("w") as out:
        out.writelines(json.dumps({"id": d.id, "text": d.text}) + "\n" for d in world.documents)
    with (root / "queries.jsonl").open("w") as out:
        out.writelines(json.dumps({"id": q.id, "text": q.text}) + "\n" for q in world.questions)
    with (root / "qrels.tsv").open("w") as out:
        out.writelines(f"{q.id}\t{d}\t1\n" for q in world.questions for d in q.relevant)
    assert world.document_vectors is not None
    assert world.question_vectors is not None
    np.save(root / "docs_x.npy", world.document_vectors)
    np.save(root / "queries_x.npy", world.question_vectors)
    return root


def test_version() -> None:
    assert run("version").output.strip() == engrain.__version__
    assert json.loads(run("version", "--json", "-").output) == {"version": engrain.__version__}


def test_without_arguments_the_help_is_shown() -> None:
    result = run()
    assert "demo" in result.output
    assert "eval" in result.output


def test_eval_prints_tables_and_writes_json_and_a_page(folder: Path, tmp_path: Path) -> None:
    target, page = tmp_path / "out" / "result.json", tmp_path / "page.html"
    page.parent.mkdir(exist_ok=True)
    result = run(
        "eval", folder, "--protocol", "kfold", "--folds", "3", "--json", target, "--report", page
    )
    assert result.exit_code == 0, result.output
    assert "learned over static" in result.output
    assert "simulated" in result.output
    report = json.loads(target.read_text())
    assert report["dataset"] == "world"
    assert report["queries"] == 96
    assert "simulated" in page.read_text()


def test_eval_of_a_stream_writes_its_curve_to_standard_output(folder: Path) -> None:
    result = run("eval", folder, "--protocol", "prequential", "--clicks", "noisy", "--json", "-")
    report = json.loads(result.stdout)
    assert report["protocol"] == "prequential"
    assert len(report["curve"]) == 20


@pytest.mark.parametrize(
    "arguments",
    [
        ("eval", "nowhere"),
        ("eval", ".", "--protocol", "magic"),
        ("demo", "--source", "nowhere"),
        ("verify", "nowhere.db"),
        ("repair", "nowhere.db"),
        ("inspect", "nowhere.db"),
        ("backup", "nowhere.db", "copy.db"),
        ("restore", "nowhere.db", "copy.db"),
        ("rollback", "nowhere.db", "--to", "3"),
    ],
)
def test_errors_are_one_line_and_exit_status_1(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("engrain: ")
    assert all(path.suffix == ".lock" for path in tmp_path.iterdir())


def test_wrong_usage_is_exit_status_2() -> None:
    assert run("eval").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_verify_accepts_a_sound_file_and_names_damage(file: Path) -> None:
    result = run("verify", file, "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert run("verify", file, "--head", report["head"]).exit_code == 0
    assert run("verify", file, "--head", "nonsense").exit_code == 1
    seq = int(report["head"].partition(":")[0])
    assert run("verify", file, "--head", f"{seq}:{'00' * 32}").exit_code == 1


def test_repair_of_a_damaged_file_keeps_the_good_prefix(file: Path, tmp_path: Path) -> None:
    sound = run("repair", file, "--json", "-")
    assert json.loads(sound.stdout)["quarantine"] is None
    connection = sqlite3.connect(file)
    connection.execute(
        "UPDATE event SET header = x'00' WHERE key = (SELECT max(key) - 1 FROM event)"
    )
    connection.commit()
    connection.close()
    assert run("verify", file).exit_code == 1
    result = run("repair", file, "--json", "-")
    assert result.exit_code == 0, result.output
    assert Path(json.loads(result.stdout)["quarantine"]).exists()
    assert run("verify", file).exit_code == 0


def test_backup_and_restore_keep_the_head(file: Path, tmp_path: Path) -> None:
    head = json.loads(run("verify", file, "--json", "-").stdout)["head"]
    copy, back = tmp_path / "copy.db", tmp_path / "back.db"
    saved = run("backup", file, copy, "--json", "-")
    assert json.loads(saved.stdout)["heads"] == {"default": head}
    assert run("restore", copy, back).exit_code == 0
    assert run("verify", back, "--head", head).exit_code == 0
    assert run("restore", copy, back).exit_code == 1


def test_inspect_shows_counts_lift_and_one_recall(file: Path) -> None:
    result = run("inspect", file)
    assert result.exit_code == 0, result.output
    assert "lift in nDCG@10" in result.output
    inspected = json.loads(run("inspect", file, "--json", "-").stdout)
    assert inspected["lift"][0]["n"] == 3
    with engrain.Memory(file) as memory:
        trace = memory.recall("thing 1", vector=np.ones(DIM)).trace_id
    assert trace is not None
    explained = json.loads(run("inspect", file, "--trace", trace, "--json", "-").stdout)
    assert explained["text"] == "thing 1"
    assert explained["hits"][0]["components"]


def test_inspect_draws_a_map(file: Path, tmp_path: Path) -> None:
    result = run("inspect", file, "--map", tmp_path / "map.html")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "map.html").read_text()
    assert all(f"thing {number}" in page for number in range(6))
    with engrain.Memory(file, mode="r") as memory:
        assert memory.vectors().shape == (6, DIM)


def test_rollback_unlearns(file: Path) -> None:
    with engrain.Memory(file) as memory:
        untouched = memory.verify().head.seq
        recall = memory.recall("thing 5", vector=np.ones(DIM))
        memory.feedback(recall, used=["m5"])
        learned = memory.candidates("thing 5", vector=np.ones(DIM)).rows
    result = run("rollback", file, "--to", str(untouched), "--json", "-")
    assert result.exit_code == 0, result.output
    with engrain.Memory(file) as memory:
        assert not np.array_equal(memory.candidates("thing 5", vector=np.ones(DIM)).rows, learned)
    assert run("rollback", file, "--to", "next week").exit_code == 1
    assert run("rollback", file, "--to", "2100-01-01T00:00:00+00:00").exit_code == 0


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engrain", "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == engrain.__version__
