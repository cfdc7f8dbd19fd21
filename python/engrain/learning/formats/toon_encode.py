"""TOON v4.0 encoder: tables for uniform objects, indentation for the rest.

Source: Token-Oriented Object Notation, specification 4.0, sections 7 to 11.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from engrain.base.errors import ConfigError
from engrain.learning.formats.toon_text import (
    DELIMITERS,
    encode_key,
    encode_number,
    needs_quotes,
    quote,
)

Columns: TypeAlias = "list[tuple[str, Columns | None]]"

_UNSAFE = {delimiter: needs_quotes(delimiter) for delimiter in DELIMITERS}


def encode(value: Any, *, indent: int = 2, delimiter: str = ",") -> str:
    r"""Write a JSON value as a TOON document.

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple or dict with str keys, nested
        Tuples become arrays; NaN and infinities become null.
    indent : int
        Spaces per level.
    delimiter : {',', '\\t', '|'}

    Returns
    -------
    str
        Without a final newline.

    Raises
    ------
    TypeError
        A value or key that JSON does not know.
    ConfigError
        Unknown delimiter, or an indent below 1.
    """
    if delimiter not in _UNSAFE or indent < 1:
        raise ConfigError(f"TOON: delimiter {delimiter!r} or indent {indent} is not allowed")
    writer = _Writer(" " * indent, delimiter)
    writer.root(value)
    return "\n".join(writer.lines)


def columns_of(rows: list[Any]) -> Columns | None:
    """Return the shared columns of uniform non-empty objects, or None where there are none."""
    first = rows[0]
    if not isinstance(first, dict) or not first:
        return None
    keys = first.keys()
    if not all(isinstance(row, dict) and row.keys() == keys for row in rows):
        return None
    columns: Columns = []
    for key in first:
        column = [row[key] for row in rows]
        if not any(isinstance(cell, (dict, list, tuple)) for cell in column):
            columns.append((key, None))
            continue
        nested = columns_of(column)
        if nested is None:
            return None
        columns.append((key, nested))
    return columns


class _Writer:
    def __init__(self, unit: str, delimiter: str) -> None:
        self.lines: list[str] = []
        self.unit = unit
        self.delimiter = delimiter
        self.mark = "" if delimiter == "," else delimiter
        self.unsafe = _UNSAFE[delimiter].search

    def root(self, value: Any) -> None:
        if isinstance(value, dict):
            if not self.keyed("", value, 0):
                self.fields(value, 0)
        elif isinstance(value, (list, tuple)):
            if value:
                self.array("", value, 0)
            else:
                self.lines.append("[]")
        else:
            self.lines.append(self.primitive(value))

    def put(self, depth: int, text: str) -> None:
        self.lines.append(self.unit * depth + text)

    def primitive(self, value: Any) -> str:
        if type(value) is float:
            return encode_number(value)
        if isinstance(value, str):
            return quote(value) if self.unsafe(value) else value
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return encode_number(value)
        raise TypeError(f"TOON: cannot encode {type(value).__name__}; convert it to JSON first")

    def cells(self, values: Any) -> str:
        return self.delimiter.join([self.primitive(value) for value in values])

    def fields(self, value: dict[str, Any], depth: int) -> None:
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"TOON: keys are str, got {key!r}")
            self.field(encode_key(key), item, depth)

    def field(self, key: str, value: Any, depth: int) -> None:
        if isinstance(value, dict):
            if not self.keyed(key, value, depth):
                self.put(depth, f"{key}:")
                self.fields(value, depth + 1)
        elif isinstance(value, (list, tuple)):
            if value:
                self.array(key, value, depth)
            else:
                self.put(depth, f"{key}: []")
        else:
            self.put(depth, f"{key}: {self.primitive(value)}")

    def array(self, key: str, values: Any, depth: int) -> None:
        columns = columns_of(values)
        if columns is None:
            self.plain_array(key, values, depth)
            return
        self.put(depth, f"{key}[{len(values)}{self.mark}]{self.header(columns)}:")
        start = self.unit * (depth + 1)
        self.lines += [start + self.cells(leaves(row, columns)) for row in values]

    def plain_array(self, key: str, values: Any, depth: int) -> None:
        head = f"{key}[{len(values)}{self.mark}]:"
        if not any(isinstance(item, (dict, list, tuple)) for item in values):
            self.put(depth, f"{head} {self.cells(values)}" if values else head)
            return
        self.put(depth, head)
        for item in values:
            self.item(item, depth + 1)

    def item(self, value: Any, depth: int) -> None:
        start = len(self.lines)
        if isinstance(value, dict):
            self.fields(value, depth + 1)
        elif isinstance(value, (list, tuple)):
            self.plain_array("", value, depth)
        else:
            self.put(depth, self.primitive(value))
        if start == len(self.lines):
            self.put(depth, "-")
        else:
            self.lines[start] = f"{self.unit * depth}- {self.lines[start].lstrip(' ')}"

    def keyed(self, key: str, value: dict[str, Any], depth: int) -> bool:
        columns = columns_of(list(value.values())) if len(value) > 1 else None
        if columns is None:
            return False
        self.put(depth, f"{key}[{len(value)}:{self.mark}]{self.header(columns)}:")
        for name, row in value.items():
            self.put(depth + 1, f"{encode_key(name)}: {self.cells(leaves(row, columns))}")
        return True

    def header(self, columns: Columns) -> str:
        names = [encode_key(key) + (self.header(sub) if sub else "") for key, sub in columns]
        return "{" + self.delimiter.join(names) + "}"


def leaves(row: dict[str, Any], columns: Columns) -> list[Any]:
    """Return the primitive cells of a row in the order of its columns, depth first."""
    cells: list[Any] = []
    for key, nested in columns:
        if nested is None:
            cells.append(row[key])
        else:
            cells += leaves(row[key], nested)
    return cells
