"""What an utterance is made of: words, phrases with their kind, and the clauses they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import NamedTuple

KINDS = ("positive", "negative", "correction", "confusion")
NEGATION_REACH = 4  # words after a negator that it turns

_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"  # one sign of scripts without spaces
    r"|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+(?:'[^\W_]+)*"
    r"|(?:>?[:;][-o]?[()d/]|\(:|<3|\^\^|\?\?+)(?!\w)"
    r"|[^\w\s\ufe0f]"
)
_BREAKS = frozenset('.,;:!?()。、，！？…-—"')
_ASKING = frozenset(("?", "？", "??", "???"))
_MARKS = _BREAKS | _ASKING
_TURNED = {"positive": "negative", "negative": "softened"}


class Cue(NamedTuple):
    """A phrase of the table in an utterance: its first word, their number, and its class."""

    start: int
    length: int
    kind: str


def split_words(text: str) -> list[str]:
    """Return words, signs of ideographic scripts, emoji and punctuation in lower case."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode().replace("’", "'")
    return _TOKEN.findall(text.lower())


class PhraseTable:
    """Phrases of feedback by kind, in several languages.

    Beside the `KINDS` there are ``neutral`` (a phrase that only looks like one of them),
    ``negator``, ``hedge``, ``contrast``, and ``about``, ``degree`` and ``judgement`` ("that's",
    "very", "easy"). The longest phrase wins. One written with a leading ``=`` must be the whole
    utterance.

    Parameters
    ----------
    lines : iterable of str
        Kind, language and phrases separated by `` | ``, with tabs between.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._whole: dict[tuple[str, ...], str] = {}
        self._by_first: dict[str, list[tuple[int, list[str], str]]] = {}
        self._most = 0
        for line in lines:
            kind, _, phrases = line.rstrip("\n").split("\t")
            for phrase in phrases.split(" | "):
                self._add(kind, phrase)
        for found in self._by_first.values():
            found.sort(key=lambda entry: -entry[0])

    def _add(self, kind: str, phrase: str) -> None:
        words = split_words(phrase.removeprefix("="))
        if phrase.startswith("="):
            self._whole.setdefault(tuple(words), kind)
            self._most = max(self._most, len(words))
            return
        found = self._by_first.setdefault(words[0], [])
        if all(words != known for _, known, _ in found):
            found.append((len(words), words, kind))

    def find(self, words: list[str]) -> list[Cue]:
        """Return the phrases among `words`, with what negation and questions make of them."""
        if len(words) <= self._most + 2:
            spoken = tuple([word for word in words if word not in _MARKS])
            if spoken in self._whole:
                return [Cue(0, len(words), self._whole[spoken])]
        cues = self._match(words)
        return _in_context(words, cues) if cues else cues

    def _match(self, words: list[str]) -> list[Cue]:
        found, after, by_first = [], 0, self._by_first
        for start, word in enumerate(words):
            if start < after or word not in by_first:
                continue
            for n, phrase, kind in by_first[word]:
                if n == 1 or words[start : start + n] == phrase:
                    found.append(Cue(start, n, kind))
                    after = start + n
                    break
        return found


def _in_context(words: list[str], cues: list[Cue]) -> list[Cue]:
    asked = _asked(words)
    found, reach = [], -1
    for cue in cues:
        start, length, kind = cue
        if kind == "negator":
            reach = _clause_end(words, start + length)
        elif kind == "contrast":
            reach = -1
        elif kind in _TURNED:
            if start < asked and _is_asked(words, start):
                cue = Cue(start, length, "asked")
            elif start < reach:
                cue = Cue(start, length, _TURNED[kind])
        found.append(cue)
    return found


def _clause_end(words: list[str], start: int) -> int:
    stop = min(start + NEGATION_REACH, len(words))
    return next((i for i in range(start, stop) if words[i] in _BREAKS), stop)


def _asked(words: list[str]) -> int:
    """Return the place of the last question mark, or -1."""
    if _ASKING.isdisjoint(words):
        return -1
    return max(i for i, word in enumerate(words) if word in _ASKING)


def _is_asked(words: list[str], start: int) -> bool:
    """Tell whether the clause of a word ends with a question mark."""
    for word in words[start:]:
        if word in _ASKING:
            return True
        if word in _BREAKS:
            return False
    return False


@cache
def phrase_table() -> PhraseTable:
    """Return the table that comes with the package."""
    file = resources.files("engrain.policy").joinpath("feedback_phrases.tsv")
    return PhraseTable(file.read_text("utf-8").splitlines())
