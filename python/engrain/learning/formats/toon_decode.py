"""TOON v4.0 decoder, strict by default.

Source: Token-Oriented Object Notation, specification 4.0, sections 4 to 14.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from engrain.learning.formats.toon_header import (
    Fields,
    Header,
    count_leaves,
    has_duplicates,
    parse_header,
)
from engrain.learning.formats.toon_text import (
    ToonError,
    decode_key,
    decode_value,
    mask_quoted,
    split_cells,
)


def decode(text: str | bytes, *, indent: int = 2, strict: bool = True) -> Any:
    """Read a TOON document.

    Parameters
    ----------
    text : str or bytes
        Bytes are UTF-8.
    indent : int
        Spaces per level.
    strict : bool
        Check counts, widths, indentation, blank lines and duplicate keys. Otherwise a line that
        breaks a rule is read as far as it goes, a tab indents by one level, and of two equal keys
        the later one wins.

    Returns
    -------
    None, bool, int, float, str, list or dict

    Raises
    ------
    ToonError
        With the line where reading stopped.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ToonError(f"not UTF-8: {error}") from error
    lines = list(_lines(text, indent, strict))
    return _Reader(lines, strict).document() if lines else {}


EMPTY = "[]"


class _Line(NamedTuple):
    depth: int
    text: str
    number: int
    blanks: int


def _lines(text: str, indent: int, strict: bool) -> Iterator[_Line]:
    """Yield the lines that carry content; `blanks` counts the blank lines before each."""
    blanks = 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        content = line.lstrip(" ")
        if content.startswith("#"):
            continue
        if not content.strip(" \t"):
            blanks += 1
            continue
        body = content.lstrip(" \t")
        if strict and (len(body) < len(content) or (len(line) - len(content)) % indent):
            raise ToonError(f"indentation is not a multiple of {indent} spaces", number)
        white = line[: len(line) - len(body)]
        depth = white.count(" ") // indent + white.count("\t")
        yield _Line(depth, body.rstrip(" "), number, blanks)


class _Reader:
    def __init__(self, lines: list[_Line], strict: bool) -> None:
        self.lines, self.strict, self.at = lines, strict, 0

    def document(self) -> Any:
        first = self.lines[0]
        try:
            value = self.root(first)
        except ToonError as error:
            if error.line is not None:
                raise
            here = self.lines[min(self.at, len(self.lines) - 1)]
            raise ToonError(str(error), here.number) from None
        if self.strict and self.at < len(self.lines):
            raise ToonError("content after the end of the document", self.lines[self.at].number)
        return value

    def root(self, first: _Line) -> Any:
        header = self.header(first.text) if first.depth == 0 else None
        if header is not None and header.key is None:
            self.at += 1
            return self.under(header, 0)
        if first.text == EMPTY and (len(self.lines) == 1 or self.strict):
            self.at += 1
            return []
        if len(self.lines) == 1 and header is None and ":" not in mask_quoted(first.text):
            self.at += 1
            return decode_value(first.text)
        return self.object(0)

    def header(self, text: str) -> Header | None:
        if "[" not in text:
            return None
        try:
            return parse_header(text)
        except ToonError:
            if self.strict:
                raise
            return None

    def peek(self) -> _Line | None:
        return self.lines[self.at] if self.at < len(self.lines) else None

    def content_depth(self, depth: int) -> int | None:
        """Return the depth of the scope opened at `depth`; None where it is empty."""
        line = self.peek()
        if line is None or line.depth <= depth:
            return None
        if self.strict and line.depth > depth + 1:
            raise ToonError("indented by more than one level", line.number)
        return line.depth

    def scope(self, depth: int) -> Iterator[_Line]:
        """Yield the lines at exactly `depth` until the scope ends; the caller consumes them."""
        while (line := self.peek()) is not None and line.depth >= depth:
            if line.depth == depth:
                yield line
            elif self.strict:
                raise ToonError("indented below a line that opens nothing", line.number)
            else:
                self.at += 1

    def object(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for line in self.scope(depth):
            self.field(fields, line, depth)
        return fields

    def field(self, fields: dict[str, Any], line: _Line, depth: int) -> None:
        header = self.header(line.text)
        if header is not None and header.key is None:
            if self.strict:
                raise ToonError("a header without a key is not a field", line.number)
            header = None
        if header is not None and header.key is not None:
            self.at += 1
            self.store(fields, header.key, self.under(header, depth), line)
            return
        colon = mask_quoted(line.text).find(":")
        if colon < 0:
            raise ToonError(f"missing colon in {line.text!r}", line.number)
        key = decode_key(line.text[:colon].strip(" "))
        self.at += 1
        self.store(fields, key, self.value(line.text[colon + 1 :].strip(" "), depth), line)

    def store(self, fields: dict[str, Any], key: str, value: Any, line: _Line) -> None:
        if self.strict and key in fields:
            raise ToonError(f"duplicate key {key!r}", line.number)
        fields[key] = value

    def value(self, token: str, depth: int) -> Any:
        if token:
            return [] if token == EMPTY else decode_value(token)
        inner = self.content_depth(depth)
        return {} if inner is None else self.object(inner)

    def under(self, header: Header, depth: int) -> Any:
        """Read what a header at `depth` announces."""
        if header.rest:
            return self.counted(
                [decode_value(token) for token in split_cells(header.rest, header.delimiter)],
                header,
            )
        start, inner = self.at, self.content_depth(depth)
        value: Any = {} if header.keyed else []
        if inner is not None:
            if header.fields is None:
                value = self.items(inner)
            elif header.keyed:
                value = self.entries(header.fields, header.delimiter, inner)
            else:
                value = self.rows(header.fields, header.delimiter, inner)
        self.check_span(start)
        return self.counted(value, header)

    def counted(self, value: Any, header: Header) -> Any:
        if self.strict and len(value) != header.length:
            raise ToonError(
                f"declared {header.length} but found {len(value)}", self.lines[self.at - 1].number
            )
        return value

    def check_span(self, start: int) -> None:
        if self.strict and self.at > start:
            last = self.lines[self.at - 1]
            if last.blanks != self.lines[start].blanks:
                raise ToonError("blank line inside an array", last.number)

    def items(self, depth: int) -> list[Any]:
        values: list[Any] = []
        for line in self.scope(depth):
            if line.text != "-" and not line.text.startswith("- "):
                break
            values.append(self.item(line, line.text[2:].strip(" "), depth))
        return values

    def item(self, line: _Line, text: str, depth: int) -> Any:
        header = self.header(text)
        if header is not None and header.key is None:
            if self.strict and header.fields is not None:
                raise ToonError("a list item cannot be a table without a key", line.number)
            self.at += 1
            return self.under(header, depth)
        if header is not None or ":" in mask_quoted(text):
            self.lines[self.at] = line._replace(depth=depth + 1, text=text)
            return self.object(depth + 1)
        self.at += 1
        return self.value(text, depth)

    def rows(self, fields: Fields, delimiter: str, depth: int) -> list[Any]:
        width = self.width(fields)
        values: list[Any] = []
        for line in self.scope(depth):
            masked = mask_quoted(line.text)
            colon, cell = masked.find(":"), masked.find(delimiter)
            if colon >= 0 and (cell < 0 or colon < cell):
                break
            values.append(self.row(fields, split_cells(line.text, delimiter), width, line))
            self.at += 1
        return values

    def entries(self, fields: Fields, delimiter: str, depth: int) -> dict[str, Any]:
        width = self.width(fields)
        values: dict[str, Any] = {}
        for line in self.scope(depth):
            colon = mask_quoted(line.text).find(":")
            if colon < 0 and self.strict:
                raise ToonError(f"missing colon in {line.text!r}", line.number)
            if colon >= 0:
                rest = line.text[colon + 1 :].strip(" ")
                cells = split_cells(rest, delimiter) if rest else []
                key = decode_key(line.text[:colon].strip(" "))
                self.store(values, key, self.row(fields, cells, width, line), line)
            self.at += 1
        return values

    def width(self, fields: Fields) -> int:
        if self.strict and has_duplicates(fields):
            raise ToonError("duplicate field names in a header", self.lines[self.at - 1].number)
        return count_leaves(fields)

    def row(self, fields: Fields, cells: list[str], width: int, line: _Line) -> dict[str, Any]:
        if self.strict and len(cells) != width:
            raise ToonError(f"expected {width} cells, found {len(cells)}", line.number)
        return _row(fields, iter(cells))


def _row(fields: Fields, cells: Iterator[str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, nested in fields:
        if nested is not None:
            row[name] = _row(nested, cells)
        else:
            token = next(cells, None)
            if token is not None:
                row[name] = decode_value(token)
    return row
