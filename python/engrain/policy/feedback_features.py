"""An utterance as the feedback model sees it."""

from __future__ import annotations

from typing import NamedTuple

from engrain.policy.feedback_text import PhraseTable, split_words

# What people say while they think; without it, what is left of an utterance recurs more often.
_FILLERS = frozenset(
    split_words(
        "uh um well oh so and but huh yeah okay right mm hmm i mean you know think like just ah no "
        "yes guess uhhuh then actually . , ? !"
    )
)
_LENGTHS = ("0", "1", "2", "3", "4", "5", "6", "6", "8", "8", "8", "11", "11", "11", "11")


class Features(NamedTuple):
    """Three strings for `engrain.kernels.hash_grams`, and the phrases found.

    Attributes
    ----------
    words, classes, context : str
    cues : dict of str to int
        Number of phrases by class.
    """

    words: str
    classes: str
    context: str
    cues: dict[str, int]


def features_of(text: str, previous: str, table: PhraseTable) -> Features:
    """Take an utterance apart.

    Parameters
    ----------
    text : str
    previous : str
        The utterance before it, by the other speaker; empty where there is none.
    table : PhraseTable
    """
    words = split_words(text)
    cues: dict[str, int] = {}
    classes: list[str] = []
    at = 0
    for start, length, kind in table.find(words):
        cues[kind] = cues.get(kind, 0) + 1
        classes += words[at:start]
        classes.append(f"\x01{kind}")
        at = start + length
    classes += words[at:]
    context = _context(words, split_words(previous) if previous else [], cues)
    return Features(" ".join(words), " ".join(classes), " ".join(context), cues)


def _context(words: list[str], before: list[str], cues: dict[str, int]) -> list[str]:
    length = _length(words)
    found = [f"length:{length}"]
    found += [f"{kind}:{min(count, 3)}" for kind, count in cues.items()]
    found += [f"{kind}:length:{length}" for kind in cues]
    if words:
        first, last = words[0], words[-1]
        found += [f"first:{first}:length:{length}", f"first:{first}:last:{last}"]
        if last in {"?", "？"}:
            found.append(f"asked:{length}")
    return found + _core(words) + _relation(words, before)


def _core(words: list[str]) -> list[str]:
    """Return how an utterance begins and ends without fillers and repetitions, and all of it."""
    core: list[str] = []
    for word in words:
        if word not in _FILLERS and (not core or word != core[-1]):
            core.append(word)
    if not core:
        return ["core:0"]
    length, first, last = min(len(core), 7), core[0], core[-1]
    return [
        f"core:{length}",
        f"core:{'_'.join(core[:6])}:{length}",
        f"core:first:{first}:{length}",
        f"core:last:{last}:{length}",
        f"core:ends:{first}:{last}",
        f"core:start:{'_'.join(core[:2])}",
        f"core:two:{'_'.join(core[-2:])}",
        f"core:three:{'_'.join(core[-3:])}",
    ]


def _relation(words: list[str], before: list[str]) -> list[str]:
    """Return how an utterance takes up the one before it."""
    if not before:
        return ["before:none"]
    asked = "?" in before[-2:]
    content = {word for word in words if len(word) > 3}
    shared = len(content.intersection(before))
    found = [
        f"before:asked:{asked}",
        f"before:length:{_length(before)}",
        f"shared:{min(shared, 3)}",
    ]
    if words:
        found.append(f"first:{words[0]}:before:asked:{asked}")
    if content:
        found.append(f"share:{4 * shared // len(content)}")
    return found


def _length(words: list[str]) -> str:
    return _LENGTHS[len(words)] if len(words) < len(_LENGTHS) else "15"
