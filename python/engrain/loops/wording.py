"""Whether two texts may say the same: numbers, names and negations must agree."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen")
UNITS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS = {
    word: str(value)
    for value, word in enumerate((*UNITS, *TEENS, "eighteen", "nineteen", "twenty"), 2)
}
NEGATIONS = frozenset(
    ("no", "not", "never", "none", "nobody", "nothing", "neither", "nor", "without", "cannot")
)
MOST_WORDS = 2


@dataclass(frozen=True, slots=True)
class Wording:
    """What of a text must not differ.

    Attributes
    ----------
    numbers, names, words : frozenset of str
        Names are words that begin or contain a capital, other than the first; all in lower case.
    negated : bool
    """

    numbers: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]
    negated: bool

    @classmethod
    def of(cls, text: str) -> Wording:
        """Read a text."""
        numbers, names, words, negated = set(), set(), set(), False
        for place, token in enumerate(TOKEN.findall(text)):
            word = token.lower().replace("’", "'").removesuffix("'s")
            words.add(word)
            if token[0].isdigit():
                numbers.add(token.replace(",", ""))
            elif word in NUMBERS:
                numbers.add(NUMBERS[word])
            elif word in NEGATIONS or word.endswith("n't"):
                negated = True
            elif place > 0 and token != token.lower():
                names.add(word)
        return cls(frozenset(numbers), frozenset(names), frozenset(words), negated)

    def agrees(self, other: Wording) -> bool:
        """Return whether one may stand for the other.

        Numbers are equal, a name of one is a word of the other, both or neither is negated, and
        at most two words occur in one alone.
        """
        return (
            self.numbers == other.numbers
            and self.names <= other.words
            and other.names <= self.words
            and self.negated == other.negated
            and len(self.words ^ other.words) <= MOST_WORDS
        )
