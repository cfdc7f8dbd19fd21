"""The words of an utterance in any script, and the table of phrases that comes with the package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from engrain.kernels import PhraseTable

KINDS = ("positive", "negative", "correction", "confusion")

_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"  # one sign of scripts without spaces
    r"|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+(?:'[^\W_]+)*"
    r"|(?:>?[:;][-o]?[()d/]|\(:|<3|\^\^|\?\?+)(?!\w)"
    r"|[^\w\s\ufe0f]"
)


def split_words(text: str) -> list[str]:
    """Return words, signs of ideographic scripts, emoji and punctuation in lower case."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode().replace("’", "'")
    return _TOKEN.findall(text.lower())


def readable(text: str) -> str:
    """Return text as `PhraseTable` takes it: ASCII as it is, else its words between spaces."""
    return text if text.isascii() else " ".join(split_words(text))


def read_table(lines: Iterable[str]) -> PhraseTable:
    """Return a table of phrases of feedback by class and of words by kind, in several languages.

    Parameters
    ----------
    lines : iterable of str
        Class, language and phrases separated by `` | ``, with tabs between. A phrase written with
        a leading ``=`` must be the whole utterance.
    """
    table = PhraseTable()
    for line in lines:
        kind, _, phrases = line.rstrip("\n").split("\t")
        for phrase in phrases.split(" | "):
            table.add(kind, readable(phrase.removeprefix("=")), phrase.startswith("="))
    return table


@cache
def phrase_table() -> PhraseTable:
    """Return the table that comes with the package."""
    file = resources.files("engrain.policy").joinpath("feedback_phrases.tsv")
    return read_table(file.read_text("utf-8").splitlines())
