"""Reading JSON lines and tables, plain or gzipped, with errors that name file and line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from engrain.base.errors import EngrainError


class DatasetError(EngrainError, ValueError):
    """A data set cannot be read as it is; the message names file and line."""


def find_one(root: Path, name: str) -> Path:
    """Return ``root/name`` or its gzipped twin.

    Raises
    ------
    DatasetError
        Neither is there.
    """
    for path in (root / name, root / f"{name}.gz"):
        if path.is_file():
            return path
    raise DatasetError(f"{root}: holds neither {name} nor {name}.gz")


def open_text(path: Path) -> TextIO:
    """Open a plain or gzipped file as UTF-8."""
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines that are not blank."""
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error})") from error


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of a file with one JSON object per line."""
    for number, line in read_lines(path):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{path}:{number}: not valid JSON ({error.msg})") from error
        if not isinstance(row, dict):
            raise DatasetError(f"{path}:{number}: expected an object, got {type(row).__name__}")
        yield number, row


def read_table(path: Path) -> Iterator[tuple[int, tuple[str, str, float]]]:
    """Yield (line number, (query, document, grade)); a first line without a number is a header."""
    for number, line in read_lines(path):
        cells = line.split("\t")
        if len(cells) < 3:
            raise DatasetError(f"{path}:{number}: expected query, doc and grade between tabs")
        query, document, last = cells[0], cells[-2], cells[-1]
        try:
            grade = float(last)
        except ValueError:
            if number == 1:
                continue
            raise DatasetError(f"{path}:{number}: grade {last!r} is no number") from None
        yield number, (query, document, grade)


def required(row: Mapping[str, Any], key: str, where: str) -> Any:
    """Return ``row[key]``.

    Raises
    ------
    DatasetError
        The key is missing.
    """
    if key not in row:
        raise DatasetError(f"{where}: key {key!r} is missing")
    return row[key]
