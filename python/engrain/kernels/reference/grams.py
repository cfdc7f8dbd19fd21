"""Oracle of the hashed features of utterances and the linear model over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from engrain.base.arrays import F64Array
from engrain.kernels.reference.lexical import _hash_bytes
from engrain.kernels.reference.phrases import (
    FILLER,
    JUDGING,
    Found,
    _marked_words,
    _split_words,
    find_phrases,
)

_LENGTHS = ("0", "1", "2", "3", "4", "5", "6", "6", "8", "8", "8", "11", "11", "11", "11")

Table = Sequence[tuple[str, str, bool]]


def read_utterance(
    text: str, previous: str, table: Table
) -> tuple[NDArray[np.uint64], dict[str, int]]:
    """Return FNV-1a of each feature's UTF-8 with Stafford's mix13 finalizer, and phrases by class.

    Parameters
    ----------
    text, previous : str
    table : sequence of (class, phrase, whole)

    Returns
    -------
    ndarray of uint64, shape (features,)
        Ascending, each once.
    dict of str to int
    """
    words, phrases = _split_words(text), find_phrases(text, table)
    cues = Counter(kind for _, _, kind in phrases)
    judging = _marked_words(table, JUDGING)
    alike = ["E" if word in judging else word for word in words]
    context = _context(words, alike, _split_words(previous), cues)
    context += _core(words, alike, _marked_words(table, FILLER))
    texts = _runs_of(words) + _tagged_runs(words, phrases) + _judging_runs(alike)
    texts += [f"x {name}" for name in context]
    hashes = sorted({_hash_bytes(text.encode()) for text in texts})
    return np.array(hashes, dtype=np.uint64), dict(cues)


def score_utterance(
    features: NDArray[np.uint64], cues: npt.ArrayLike, codes: npt.ArrayLike, weights: npt.ArrayLike
) -> F64Array:
    """Return the probability of each kind, shape (kinds,).

    The logit of kind k is ``b_k + s_k sum_f c_{f mod rows, k} / sqrt(|f|) + sum_c P_ck
    (2 - 2^(1 - n_c))`` over the classes found n_c > 0 times.

    Parameters
    ----------
    features : ndarray of uint64
    cues : array_like, shape (13,)
        n_c.
    codes : array_like, shape (rows, kinds)
        c.
    weights : array_like, shape (15, kinds)
        s, b and P.
    """
    table, held = np.asarray(codes, np.float64), np.asarray(weights, np.float64)
    rows = (features % np.uint64(len(table))).astype(np.int64)
    learned = table[rows].sum(axis=0) / np.sqrt(max(len(rows), 1))
    found = np.asarray(cues, np.float64)
    grown = np.where(found > 0, 2.0 - 2.0 ** (1.0 - found), 0.0)
    chances: F64Array = 1 / (1 + np.exp(-(held[1] + held[0] * learned + grown @ held[2:])))
    return chances


def _runs(words: list[str], n: int) -> list[str]:
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]


def _runs_of(words: list[str]) -> list[str]:
    said = ["\x02", *words, "\x03"]
    found = [f"w {run}" for n in (1, 2, 3) for run in _runs(said, n)]
    for gap, family in ((2, "s"), (3, "t")):
        found += [f"{family} {a} {b}" for a, b in zip(said, said[gap:], strict=False)]
    for word in words:
        marked = f"#{word}#"
        found += [f"c{marked[:4]}", f"c{marked[-4:]}"] if len(marked) > 3 else []
    return found


def _tagged_runs(words: list[str], phrases: list[Found]) -> list[str]:
    tagged, at = ["\x02"], 0
    for start, length, kind in phrases:
        tagged += [*words[at:start], f"\x01{kind}"]
        at = start + length
    tagged += [*words[at:], "\x03"]
    runs = [words for n in (2, 3) for words in zip(*(tagged[i:] for i in range(n)), strict=False)]
    return [f"k {' '.join(run)}" for run in runs if any(word[0] == "\x01" for word in run)]


def _judging_runs(alike: list[str]) -> list[str]:
    said = ["^", *alike, "$"]
    runs = [run for n in (2, 3, 4) for run in zip(*(said[i:] for i in range(n)), strict=False)]
    return [f"e {' '.join(run)}" for run in runs if "E" in run]


def _context(
    words: list[str], alike: list[str], before: list[str], cues: Counter[str]
) -> list[str]:
    length, judging = _length(words), alike.count("E")
    found = [f"length:{length}", f"judging:{min(judging, 3)}"]
    found.append(f"judging:length:{min(len(words), 12) // 2}:{judging > 0}")
    found += [f"{kind}:{min(count, 3)}" for kind, count in cues.items()]
    found += [f"{kind}:length:{length}" for kind in cues]
    if words:
        first, last = words[0], words[-1]
        found += [f"first:{first}:length:{length}", f"first:{first}:last:{last}"]
        if last in {"?", "？"}:
            found.append(f"asked:{length}")
    return found + _relation(words, before)


def _core(words: list[str], alike: list[str], fillers: frozenset[str]) -> list[str]:
    said = [(word, like) for word, like in zip(words, alike, strict=True) if word not in fillers]
    kept = [pair for i, pair in enumerate(said) if i == 0 or pair[0] != said[i - 1][0]]
    if not kept:
        return ["core:0"]
    core, judged = zip(*kept, strict=True)
    length, first, last = min(len(core), 7), core[0], core[-1]
    return [
        f"core:{length}",
        f"core:{'_'.join(core[:6])}:{length}",
        f"core:judging:{'_'.join(judged[:5])}",
        f"core:first:{first}:{length}",
        f"core:last:{last}:{length}",
        f"core:ends:{first}:{last}",
        f"core:start:{'_'.join(core[:2])}",
        f"core:two:{'_'.join(core[-2:])}",
        f"core:three:{'_'.join(core[-3:])}",
    ]


def _relation(words: list[str], before: list[str]) -> list[str]:
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
