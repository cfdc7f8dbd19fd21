"""Runs of an evaluation that are kept as JSON, and the page that is made of them."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["kept", "page_arguments", "pick", "publish"]

Report = dict[str, Any]


def kept(path: Path, label: str, run: Callable[[], Report]) -> Report:
    """Return the report in a file; where there is none, run, keep it and say so."""
    if not path.exists():
        path.write_text(json.dumps(run()), encoding="utf-8")
        print(label, flush=True)
    report: Report = json.loads(path.read_text(encoding="utf-8"))
    return report


def pick(report: Mapping[str, Any], key: str) -> float:
    """Return a number by its path, NaN where there is none."""
    found: Any = report
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return float("nan") if found is None else float(found)


def page_arguments(name: str, purpose: str, sets: Sequence[str]) -> ArgumentParser:
    """Return what the commands take that write such a page."""
    parser = ArgumentParser(description=purpose, prog=f"python -m engrain.evaluation.{name}")
    parser.add_argument("folder", type=Path, help="holds one folder per data set")
    parser.add_argument("--write", type=Path, help="the page; default: standard output")
    parser.add_argument("--runs", type=Path, default=Path("build") / name, help="finished runs")
    parser.add_argument("--sets", nargs="+", default=sets, help="data sets to run")
    parser.add_argument("--seeds", type=int, nargs="+", default=(1, 2, 3))
    return parser


def publish(text: str, path: Path | None) -> None:
    """Write a page, to standard output where no file is named."""
    if path is None:
        print(text)
    else:
        path.write_text(text, encoding="utf-8")
