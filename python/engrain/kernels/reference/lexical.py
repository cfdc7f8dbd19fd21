"""Oracle of tokenization and BM25."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engrain.base.arrays import F64Array

_STOP_WORDS = """
    a an and are as at be but by for if in into is it no not of on or such that the their then
    there these they this to was will with what which who how when where did does do has have had
    from can i
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
_IDEOGRAPHS = ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "HANGUL SYLLABLE")


def _tokens_of(text: str) -> list[str]:
    """Return the tokens of a text, stop words too."""
    spaced = []
    for c in text.lower():
        if c.isascii():
            spaced.append(c if c.isalnum() else " ")
        elif unicodedata.name(c, "").startswith(_IDEOGRAPHS) and c.isalpha():
            spaced.append(f" {c} ")
        else:
            spaced.append(c if unicodedata.category(c)[0] in "LM" else " ")
    return "".join(spaced).split()


def _stem(token: str) -> str:
    if len(token) <= 4:
        return token
    if token.endswith("ies"):
        return token[:-3] + "y"
    if token.endswith("es") and token[-3] in "sxz":
        return token[:-2]
    return token[:-1] if token.endswith("s") and not token.endswith("ss") else token


def _hash_bytes(data: bytes) -> int:
    """Return FNV-1a with Stafford's mix13 finalizer, 64 bits."""
    mask = 2**64 - 1
    z = 0xCBF29CE484222325
    for byte in data:
        z = ((z ^ byte) * 0x100000001B3) & mask
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
    return z ^ z >> 31


def _term_of(data: bytes) -> int:
    """Return the low half of the hash as a signed number."""
    low = _hash_bytes(data) & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low


def terms_of(text: str) -> list[int]:
    """Return the terms of `text` in order: stop words dropped, plurals stripped, hashed."""
    kept = (token for token in _tokens_of(text) if token not in STOP_WORDS)
    return [_term_of(_stem(token).encode()) for token in kept]


def bm25_scores(
    query: Sequence[int], documents: Sequence[Sequence[int]], k1: float = 1.2, b: float = 0.75
) -> F64Array:
    """Return BM25 of each document, shape (len(documents),).

    Σ_t c_t ln(1 + (N - df_t + .5) / (df_t + .5)) tf (k1 + 1) / (tf + k1 (1 - b + b len / average)),
    c_t the count of t in the query (Robertson and Zaragoza 2009, The Probabilistic Relevance
    Framework, with the idf that stays above 0).
    """
    counted = [Counter(document) for document in documents]
    length = np.array([len(document) for document in documents], dtype=float)
    average = length.mean() if length.sum() > 0 else 1.0
    scores = np.zeros(len(documents))
    for term, repeats in Counter(query).items():
        tf = np.array([float(counts[term]) for counts in counted])
        df = np.count_nonzero(tf)
        idf = np.log1p((len(documents) - df + 0.5) / (df + 0.5))
        scores += repeats * idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average))
    return scores


def hash_text(text: str, dim: int) -> F64Array:
    """Return the signed feature hashes of the tokens' 4- and 5-grams, shape (dim,).

    A token of m letters that occurs c times weighs sqrt(c m), spread over the n-grams of #token# as
    1 / sqrt(their number) (Weinberger et al. 2009, Feature Hashing for Large Scale Multitask
    Learning).
    """
    out = np.zeros(dim)
    counts = Counter(token for token in _tokens_of(text) if token not in STOP_WORDS)
    for token, count in counts.items():
        marked = f"#{token}#"
        grams = [marked[i : i + n] for n in (4, 5) for i in range(len(marked) - n + 1)] or [marked]
        for gram in grams:
            value = _hash_bytes(gram.encode())
            sign = 1 if value & 1 else -1
            out[(value >> 1) % dim] += sign * np.sqrt(count * len(token) / len(grams))
    return out
