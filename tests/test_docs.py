from __future__ import annotations

import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import engrain
from engrain.cli import app

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def run_blocks(page: Path) -> dict[str, object]:
    scope: dict[str, object] = {}
    blocks = BLOCK.findall(page.read_text())
    assert blocks, f"{page.name} shows no code"
    for block in blocks:
        exec(compile(block, str(page), "exec"), scope)  # noqa: S102
    return scope


@pytest.mark.parametrize(
    "page", ["docs/quickstart.md", "docs/loops.md", "docs/policy.md", "README.md"]
)
def test_code_on_the_page_runs_as_it_stands(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scope = run_blocks(ROOT / page)
    memory = scope["memory"]
    assert isinstance(memory, engrain.Memory)
    memory.close()
    assert list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("example", sorted(p.name for p in (ROOT / "examples").glob("*.py")))
def test_examples_run(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
    assert capsys.readouterr().out.strip()


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    page = (ROOT / "docs" / "cli.md").read_text()
    documented = set(re.findall(r"^\| `engrain (\w+)", page, re.MULTILINE))
    help_text = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    offered = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    offered |= {group.name for group in app.registered_groups if group.name}
    assert documented == offered
    assert all(name in help_text for name in offered)


def test_every_option_of_eval_is_in_the_guide() -> None:
    page = (ROOT / "docs" / "evaluation.md").read_text()
    options = CliRunner().invoke(app, ["eval", "--help"], terminal_width=200).output
    named = set(re.findall(r"--[a-z-]+", options)) - {"--help"}
    assert {option for option in named if option not in page} == set()


def test_links_between_pages_and_files_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")),
    reason="needs the extra [docs]",
)
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "docs", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "autofunction" not in (tmp_path / "api.html").read_text()
