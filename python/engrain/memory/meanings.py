"""What each component of a score says, in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["MEANINGS", "meaning"]

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "s:bm25": "has the question's words, the rarer the better",
        "s:cos": "its vector lies near the question's",
        "s:cos2": "its second vector lies near the question's",
        "s:prf": "its vector lies near those of the first results",
        "s:cov": "how much of the question its words cover",
        "s:len": "how long it is",
        "s:rank": "its place before anything was learned",
        "s:min": "words and vector agree on it",
        "s:prev": "the memory before it fits",
        "s:next": "the memory after it fits",
        "x:winbm": "it and its neighbours have the question's words",
        "x:wincos": "it and its neighbours lie near the question",
        "x:n-2": "the memory two places before fits",
        "x:n+2": "the memory two places after fits",
        "x:src": "the question names its source",
        "x:men": "the question names its source, or someone whom its text names",
        "x:date": "its time lies near a date in the question",
        "x:when_time": "asked for a time, it says one",
        "x:num_digit": "asked for a number, it says one",
        "x:sessbm": "its sequence as a whole has the question's words",
        "x:sessmax": "the best of its sequence fits",
        "x:qmark": "it is a question itself",
        "x:prevq": "it follows a question",
        "x:prevq_score": "it follows a question that fits",
        "x:pos": "how late it comes in its sequence",
        "x:rare": "says something rare",
        "x:porter": "has the question's words in any form",
        "x:char4": "shares parts of words with the question",
        "x:bigram": "has pairs of the question's words side by side",
        "x:rm3": "has words of the first results",
        "x:diff": "its vector lies near those of the best results, by their margin",
        "x:lsa": "has words that go with the question's in this collection",
        "e:ridge": "lies where answers to such questions were found",
        "e:count": "how often it has helped: the correction for exposure",
        "e:expand": "helped questions with these words",
        "e:rocchio": "helped questions whose vectors point this way",
        "e:near": "helped the most similar question so far",
        "e:share": "of what helped similar questions, its share",
        "e:agree": "helped and fits anyway: the correction for what is counted twice",
        "e:passed": "was shown for this very question before, and another helped",
        "e:alike": "of what helped questions of like meaning, its share",
        "e:again": "helped this very question before",
        "r:dir": "lies where answers were found that ranking did not expect",
        "gate": "the learned gate between question and memory",
        "patterns": "belongs to patterns that such questions follow",
    }
)


def meaning(component: str) -> str:
    """Return what a component of a score says; its own name where it hangs in from outside."""
    return MEANINGS.get(component, component)
