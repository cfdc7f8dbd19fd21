"""The specifications beside the evaluation data: their snippets, and the names they promise."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest


def specification(data: Path, name: str) -> str:
    """Return the text of a specification; skips where it is not there."""
    path = data.parent / "seeds" / name
    if not path.is_file():
        pytest.skip("the specifications are not here")
    return path.read_text("utf-8", errors="replace")


def snippets(text: str) -> list[str]:
    """Return the blocks that are marked as Python."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def promised_names(data: Path, number: str) -> list[list[str]]:
    """Return rows of number, module, name and members of one specification."""
    rows = csv.reader(specification(data, "names.tsv").splitlines(), delimiter="\t")
    return [[*row, "", "", ""] for row in rows if row and row[0] == number]


def missing_names(
    rows: list[list[str]], instances: Mapping[str, object] | None = None
) -> list[tuple[str, list[str]]]:
    """Return promised names that nothing bears, with the members that are missing.

    Parameters
    ----------
    rows : list
        As `promised_names` returns them.
    instances : mapping of str to object, optional
        Objects to look at instead of their classes, for members made in the constructor.
    """
    missing = []
    for _, module, name, *members in rows:
        home = import_module(module)
        target = (instances or {}).get(name) or (getattr(home, name, None) if name else home)
        wanted = [member.lstrip(".") for member in " ".join(members).split()]
        absent = [member for member in wanted if not hasattr(target, member)]
        if target is None or absent:
            missing.append((f"{module}.{name}", absent))
    return missing
