"""Oracle of stems: Porter's algorithm, and the parts and pairs that are counted of them."""

from __future__ import annotations

import re

from engrain.kernels.reference.lexical import STOP_WORDS, _hash_bytes, _term_of, _tokens_of

LONGEST = 64
_SECOND = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize",
    "abli": "able", "alli": "al", "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize",
    "ation": "ate", "ator": "ate", "alism": "al", "iveness": "ive", "fulness": "ful",
    "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
_THIRD = {
    "icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": "",
}  # fmt: skip
_FOURTH = [
    "al",
    "ance",
    "ence",
    "er",
    "ic",
    "able",
    "ible",
    "ant",
    "ement",
    "ment",
    "ent",
    "ion",
    "ou",
    "ism",
    "ate",
    "iti",
    "ous",
    "ive",
    "ize",
]


def _shape(word: str) -> str:
    """Write each letter as c or v; y is a vowel after a consonant."""
    shape = ""
    for i, letter in enumerate(word):
        vowel = letter in "aeiou" or (letter == "y" and i > 0 and shape[-1] == "c")
        shape += "v" if vowel else "c"
    return shape


def _measure(word: str) -> int:
    return len(re.findall("v+c+", _shape(word)))


def _short(word: str) -> bool:
    return _shape(word)[-3:] == "cvc" and word[-1] not in "wxy"


def _doubled(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c"


def _past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        stem = word.removesuffix(ending)
        if stem == word:
            continue
        if "v" not in _shape(stem):
            return word
        if stem.endswith(("at", "bl", "iz")) or (
            not _doubled(stem) and _measure(stem) == 1 and _short(stem)
        ):
            return stem + "e"
        return stem[:-1] if _doubled(stem) and stem[-1] not in "lsz" else stem
    return word


def _replace(word: str, rules: dict[str, str], least: int) -> str:
    for ending in sorted(rules, key=len, reverse=True):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            allowed = ending != "ion" or stem.endswith(("s", "t"))
            return stem + rules[ending] if allowed and _measure(stem) > least else word
    return word


def porter_stem(word: str) -> str:
    """Return the stem of a lower-case word.

    Porter, An algorithm for suffix stripping, Program 14 (1980) 130-137. Words with letters beyond
    ASCII, of at most two letters or of more than 64 stay as they are.
    """
    if not (word.isascii() and 2 < len(word) <= LONGEST):
        return word
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    word = _past(word)
    if word.endswith("y") and "v" in _shape(word[:-1]):
        word = word[:-1] + "i"
    word = _replace(_replace(word, _SECOND, 0), _THIRD, 0)
    word = _replace(word, dict.fromkeys(_FOURTH, ""), 1)
    if word.endswith("e"):
        bare = word[:-1]
        word = bare if _measure(bare) > 1 or (_measure(bare) == 1 and not _short(bare)) else word
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word


def read_stems(text: str) -> tuple[list[int], list[int], list[int]]:
    """Return the terms of a text's stems, of the 4-grams of #stem#, and of pairs of stems.

    Pairs are the adjacent ones, then those with one stem between them; a pair is the hash of both
    terms, low byte first.
    """
    words = [porter_stem(token) for token in _tokens_of(text) if token not in STOP_WORDS]
    stems = [_term_of(word.encode()) for word in words]
    grams = [
        _term_of(marked[i : i + 4].encode())
        for marked in (f"#{word}#" for word in words)
        for i in range(max(1, len(marked) - 3))
    ]
    pairs = [
        _pair(stems[i], stems[i + apart]) for apart in (1, 2) for i in range(len(stems) - apart)
    ]
    return stems, grams, pairs


def _pair(first: int, second: int) -> int:
    data = b"".join((term % 2**32).to_bytes(4, "little") for term in (first, second))
    low = _hash_bytes(data) & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low
