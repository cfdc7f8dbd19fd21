"""Headers of TOON arrays and keyed tables: ``key[N]{a,b}:`` and its relatives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from engrain.learning.formats.toon_text import (
    DELIMITERS,
    ToonError,
    decode_key,
    mask_quoted,
)

Fields: TypeAlias = "list[tuple[str, Fields | None]]"

_KEY = re.compile(r'(?:[A-Za-z_][A-Za-z0-9_.]*|"(?:[^"\\]|\\.)*")?\Z', re.DOTALL)
_BRACKET = re.compile(r"\[(0|[1-9][0-9]*)(:?)([\t|]?)\]")


@dataclass(frozen=True, slots=True)
class Header:
    """What a header line declares.

    Attributes
    ----------
    key : str or None
        None for a header without a key.
    length : int
    keyed : bool
        The rows carry their own keys.
    delimiter : str
    fields : list or None
        Names with their nested fields, depth first.
    rest : str
        What follows the colon, trimmed.
    """

    key: str | None
    length: int
    keyed: bool
    delimiter: str
    fields: Fields | None
    rest: str


def parse_header(text: str) -> Header | None:
    """Read a header, or return None for a line of another kind.

    Raises
    ------
    ToonError
        The line starts like a header and breaks its grammar.
    """
    masked = mask_quoted(text)
    bracket, colon = masked.find("["), masked.find(":")
    if bracket < 0 or colon < 0 or 0 <= colon < bracket or not _KEY.match(text[:bracket]):
        return None
    match = _BRACKET.match(text, bracket)
    if match is None:
        raise ToonError(f"malformed length in header {text!r}")
    at, fields, delimiter = match.end(), None, match[3] or ","
    if text[at : at + 1] == "{":
        reader = _FieldReader(text, masked, at, delimiter)
        fields, at = reader.group(), reader.at
    if text[at : at + 1] != ":":
        raise ToonError(f"expected a colon after the header in {text!r}")
    rest = text[at + 1 :].strip(" ")
    if (fields is not None and rest) or (match[2] and fields is None):
        raise ToonError(f"a table has its fields in braces and its rows on lines below: {text!r}")
    key = decode_key(text[:bracket]) if bracket else None
    return Header(key, int(match[1]), bool(match[2]), delimiter, fields, rest)


def count_leaves(fields: Fields) -> int:
    """Return the number of cells that a row of these fields has."""
    return sum(1 if nested is None else count_leaves(nested) for _, nested in fields)


def has_duplicates(fields: Fields) -> bool:
    """Tell whether a name occurs twice in one group, at any level."""
    names = [name for name, _ in fields]
    nested = any(has_duplicates(sub) for _, sub in fields if sub is not None)
    return nested or len(set(names)) < len(names)


class _FieldReader:
    """Recursive descent over ``{a,b{c,d}}``; `at` ends behind the closing brace."""

    def __init__(self, text: str, masked: str, at: int, delimiter: str) -> None:
        self.text, self.masked, self.at, self.delimiter = text, masked, at, delimiter

    def group(self) -> Fields:
        fields: Fields = []
        while True:
            self.at += 1
            name = self.name()
            nested = self.group() if self.peek() == "{" else None
            fields.append((name, nested))
            if self.peek() == "}":
                self.at += 1
                return fields
            if self.peek() != self.delimiter:
                raise ToonError(f"malformed fields in header {self.text!r}")

    def peek(self) -> str:
        return self.masked[self.at : self.at + 1]

    def name(self) -> str:
        start = self.at
        while self.peek() not in (self.delimiter, "{", "}", ""):
            if self.peek() in DELIMITERS:
                raise ToonError(f"fields and length name different delimiters in {self.text!r}")
            self.at += 1
        token = self.text[start : self.at].strip(" ")
        if not token:
            raise ToonError(f"a field without a name in header {self.text!r}")
        return decode_key(token)
