"""Tokens of TOON v4.0: quoting, escapes, numbers, and splitting outside quotation marks."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from engrain.base.errors import EngrainError

DELIMITERS = (",", "\t", "|")


class ToonError(EngrainError, ValueError):
    """Text that is not a TOON document.

    Attributes
    ----------
    line : int or None
        1-based number of the offending line.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")


_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_WHOLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)
_ESCAPED = re.compile(r'[\\"\x00-\x1f]')
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONG = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_LITERALS = {"true": True, "false": False, "null": None}


def needs_quotes(delimiter: str) -> re.Pattern[str]:
    """Return the pattern that finds a reason to quote a string value under `delimiter`."""
    return re.compile(
        r"\A\Z|\A[ \t\-#]|[ \t]\Z|\A(?:true|false|null)\Z"
        r"|\A\+?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z"
        rf'|[:"\\\[\]{{}}\x00-\x1f{re.escape(delimiter)}]'
    )


def quote(text: str) -> str:
    """Return `text` in quotation marks, escaped."""
    if _ESCAPED.search(text) is None:
        return f'"{text}"'
    body = _ESCAPED.sub(lambda m: _SHORT.get(m[0]) or f"\\u{ord(m[0]):04x}", text)
    return f'"{body}"'


def encode_key(key: str) -> str:
    """Return a key, quoted unless it is an identifier that may hold dots."""
    return key if _PLAIN_KEY.match(key) else quote(key)


def encode_number(value: float) -> str:
    """Return the canonical decimal form; NaN and infinities become null."""
    if isinstance(value, int):
        return int.__repr__(value)
    text = float.__repr__(value)
    if "e" in text or "n" in text:
        return _unusual(value, text)
    if not text.endswith(".0"):
        return text
    return "0" if text == "-0.0" else text[:-2]


def _unusual(value: float, text: str) -> str:
    """Write a number that Python writes with an exponent, or that is none."""
    if not math.isfinite(value):
        return "null"
    if 1.0 <= abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1.0:
        return format(Decimal(text), "f")
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent):+d}"


def unquote(token: str) -> str:
    """Invert `quote`.

    Raises
    ------
    ToonError
        Unterminated, followed by more text, or with an escape that TOON does not know.
    """
    whole = _WHOLE_QUOTED.match(token)
    if whole is None:
        raise ToonError(f"unterminated string or text after its end: {token}")
    body = whole[1]
    return _ESCAPE.sub(_unescape, body) if "\\" in body else body


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 5:
        point = int(code[1:], 16)
        if not 0xD800 <= point <= 0xDFFF:
            return chr(point)
    elif code in _LONG:
        return _LONG[code]
    raise ToonError(f"unknown escape {match[0]!r}")


def decode_key(token: str) -> str:
    """Return the key that a trimmed token spells."""
    return unquote(token) if token.startswith('"') else token


def decode_value(token: str) -> bool | int | float | str | None:
    """Return the primitive that a trimmed token spells.

    Integral numbers below 1e21 become int, other numbers the nearest float; a number beyond the
    range of a float stays text.
    """
    if token.startswith('"'):
        return unquote(token)
    if token in _LITERALS:
        return _LITERALS[token]
    number = _NUMBER.match(token)
    if number is None:
        return token
    if number[1] is None and number[2] is None:
        return int(token)
    value = float(token)
    if math.isinf(value):
        return token
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def mask_quoted(text: str) -> str:
    """Return `text` with quoted stretches blotted out, so that positions stay the same."""
    if '"' not in text:
        return text
    return _QUOTED.sub(lambda m: '"' * len(m[0]), text)


def split_cells(text: str, delimiter: str) -> list[str]:
    """Split at delimiters outside quotation marks and trim the spaces of each token."""
    masked = mask_quoted(text)
    if masked is text:
        return [token.strip(" ") for token in text.split(delimiter)]
    tokens, start = [], 0
    for piece in masked.split(delimiter):
        tokens.append(text[start : start + len(piece)].strip(" "))
        start += len(piece) + 1
    return tokens
