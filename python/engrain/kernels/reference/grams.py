"""Oracle of hashed n-grams and the linear model over them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from engrain.base.arrays import F64Array
from engrain.kernels.reference.lexical import _hash_bytes


def _runs(words: list[str], n: int) -> list[str]:
    return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]


def _has_class(run: str) -> bool:
    return any(word.startswith("\x01") for word in run.split(" "))


def _gram_texts(words: str, classes: str, context: str) -> list[str]:
    """Return the features as texts."""
    said = ["\x02", *words.split(" "), "\x03"] if words else ["\x02", "\x03"]
    tagged = ["\x02", *classes.split(" "), "\x03"] if classes else ["\x02", "\x03"]
    found = [f"w {run}" for n in (1, 2, 3) for run in _runs(said, n)]
    for gap, family in ((2, "s"), (3, "t")):
        found += [f"{family} {a} {b}" for a, b in zip(said, said[gap:], strict=False)]
    for word in said[1:-1]:
        marked = f"#{word}#"
        found += [f"c{marked[:4]}", f"c{marked[-4:]}"] if len(marked) > 3 else []
    found += [f"k {run}" for n in (2, 3) for run in _runs(tagged, n) if _has_class(run)]
    return found + [f"x {word}" for word in context.split(" ") if word]


def hash_grams(words: str, classes: str = "", context: str = "") -> NDArray[np.uint64]:
    """Return FNV-1a of each different feature's UTF-8 with Stafford's mix13 finalizer, sorted."""
    texts = _gram_texts(words, classes, context)
    hashes = sorted({_hash_bytes(text.encode()) for text in texts})
    return np.array(hashes, dtype=np.uint64)


def score_grams(words: str, classes: str, context: str, codes: npt.ArrayLike) -> F64Array:
    """Return s_k = sum_f c_{h(f) mod rows, k} / sqrt(n) over the n features f."""
    table = np.asarray(codes, dtype=np.float64)
    hashes = hash_grams(words, classes, context)
    rows = (hashes % np.uint64(len(table))).astype(np.int64)
    scores: F64Array = table[rows].sum(axis=0) / np.sqrt(max(len(rows), 1))
    return scores
