"""Reading short utterances: phrases, hashed features, and a linear model over both.

`PhraseTable` holds phrases by class, one of `CUES`, and words by kind: "filler", which says nothing
by itself, and "judging", which says how good something is. The longest phrase wins; one added with
`whole` must be all that is said beside punctuation. ``find`` returns (first word, number of words,
class) of the phrases in a text; a negator turns a phrase behind it in its clause, and what is asked
is not said. ``read`` returns the 64-bit hash of every different feature, ascending, shape
(features,), and the number of phrases by class. ``score`` returns the probability of each kind and
those numbers, given ``codes``, int8, shape (rows, kinds), rows a power of two, and ``weights``,
float64, shape (15, kinds): steps of the codes, biases, and what a phrase of each class adds, see
`engrain.kernels.reference.score_utterance`.

Texts are ASCII of any kind, or words in lower case with spaces between them. Arrays of another
dtype or layout raise TypeError, those of another shape ValueError: nothing is converted or copied.
"""

from __future__ import annotations

from engrain._kernels import CUES, PhraseTable

__all__ = ["CUES", "PhraseTable"]
