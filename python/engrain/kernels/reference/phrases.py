"""Oracle of the words and phrases of an utterance."""

from __future__ import annotations

import re
from collections.abc import Iterable

NEGATION_REACH = 4  # words after a negator that it turns
FILLER, JUDGING = "filler", "judging"  # kinds of words, which are no phrases

_WORD = re.compile(
    r"[a-z0-9\x80-\U0010ffff]+(?:'[a-z0-9\x80-\U0010ffff]+)*"
    r"|(?:>?[:;][-o]?[()d/]|\(:|<3|\^\^|\?\?+)(?![\w\x80-\U0010ffff])"
    r"|[^\s_]"
)
_BREAKS = frozenset('.,;:!?()。、，！？…-—"')
_ASKING = frozenset(("?", "？", "??", "???"))
_TURNED = {"positive": "negative", "negative": "softened"}

Found = tuple[int, int, str]


def _split_words(text: str) -> list[str]:
    """Return the words of ASCII text, or of words in lower case with spaces between them."""
    return _WORD.findall(text.lower() if text.isascii() else text)


def find_phrases(text: str, table: Iterable[tuple[str, str, bool]]) -> list[Found]:
    """Return (first word, number of words, class) of the phrases of `text`.

    Parameters
    ----------
    text : str
    table : iterable of (class, phrase, whole)
        Of equal phrases the first counts.
    """
    words = _split_words(text)
    entries = [entry for entry in table if entry[0] not in {FILLER, JUDGING}]
    spoken = [word for word in words if word not in _BREAKS | _ASKING]
    whole_ones = [(_split_words(phrase), kind) for kind, phrase, whole in entries if whole]
    if len(words) <= max((len(phrase) for phrase, _ in whole_ones), default=0) + 2:
        for phrase, kind in whole_ones:
            if phrase == spoken:
                return [(0, len(words), kind)]
    phrases = [(_split_words(phrase), kind) for kind, phrase, whole in entries if not whole]
    phrases.sort(key=lambda entry: -len(entry[0]))
    return _in_context(words, _match(words, phrases))


def _marked_words(table: Iterable[tuple[str, str, bool]], kind: str) -> frozenset[str]:
    """Return the words of a kind."""
    return frozenset(word for cue, text, _ in table if cue == kind for word in _split_words(text))


def _match(words: list[str], phrases: list[tuple[list[str], str]]) -> list[Found]:
    found, start = [], 0
    while start < len(words):
        for phrase, kind in phrases:
            if words[start : start + len(phrase)] == phrase:
                found.append((start, len(phrase), kind))
                start += len(phrase)
                break
        else:
            start += 1
    return found


def _in_context(words: list[str], phrases: list[Found]) -> list[Found]:
    found, reach = [], -1
    for start, length, kind in phrases:
        turned = kind
        if kind == "negator":
            reach = _clause_end(words, start + length)
        elif kind == "contrast":
            reach = -1
        elif kind in _TURNED:
            if _is_asked(words[start:]):
                turned = "asked"
            elif start < reach:
                turned = _TURNED[kind]
        found.append((start, length, turned))
    return found


def _clause_end(words: list[str], start: int) -> int:
    stop = min(start + NEGATION_REACH, len(words))
    return next((i for i in range(start, stop) if words[i] in _BREAKS), stop)


def _is_asked(words: list[str]) -> bool:
    """Tell whether the clause that words begin ends with a question mark."""
    return next((word in _ASKING for word in words if word in _BREAKS | _ASKING), False)
