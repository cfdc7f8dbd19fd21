"""The linear model that says which kinds of feedback an utterance holds.

The logit of kind k is ``b_k + t (B + sum_c P_ck (2 - 2^(1 - n_c))) + sum_f w_fk / sqrt(|f|)``: n_c
counts the phrases of class c, so that B and P are what the table of phrases says before any
training (the mean of the prior), and w are the learned weights of hashed n-grams and context
features. t is 1, or 0 for labels that mean something else than the table's kinds.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from math import exp
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from engrain.base.arrays import F64Array, I8Array
from engrain.base.errors import SnapshotError
from engrain.kernels import score_grams
from engrain.policy.feedback_features import Features, features_of
from engrain.policy.feedback_text import KINDS, PhraseTable, phrase_table

PRIOR_BIAS: Final = -2.5
# What one phrase of a class adds to the logits of positive, negative, correction and confusion.
PRIOR: Final[dict[str, tuple[float, float, float, float]]] = {
    "positive": (4.0, 0.0, -1.5, 0.0),
    "negative": (-6.0, 4.0, 0.0, 0.0),
    "correction": (0.0, 0.0, 4.0, 0.0),
    "confusion": (-1.0, 0.0, 0.0, 4.0),
    "softened": (3.2, -1.0, 0.0, 0.0),
    "hedge": (0.0, 0.0, 3.2, 0.0),
    "neutral": (-1.0, -1.0, -3.0, -2.0),
}


class Scores(NamedTuple):
    """Probability by kind, and the number of phrases by class."""

    probability: dict[str, float]
    matches: dict[str, int]


def prior_logits(cues: dict[str, int]) -> list[float]:
    """Return what the table of phrases alone says, one logit per kind."""
    logits = [PRIOR_BIAS] * len(KINDS)
    for kind, count in cues.items():
        if kind in PRIOR:
            grown = 2.0 - 2.0 ** (1 - count)
            logits = [a + grown * b for a, b in zip(logits, PRIOR[kind], strict=True)]
    return logits


class FeedbackModel:
    """Reads kinds of feedback from an utterance.

    Parameters
    ----------
    codes : ndarray of int8, shape (rows, 4), optional
        Weights of the hashed features in steps; rows is a power of two. Default: the prior alone.
    step : ndarray of float64, shape (4,), optional
        What one step weighs, by kind.
    bias : ndarray of float64, shape (4,), optional
    trust : float
        In what the table of phrases says: 1, or 0 to go by the weights alone.
    table : PhraseTable, optional
        Default: the one that comes with the package.
    """

    def __init__(
        self,
        codes: I8Array | None = None,
        step: F64Array | None = None,
        bias: F64Array | None = None,
        trust: float = 1.0,
        table: PhraseTable | None = None,
    ) -> None:
        self.codes = np.zeros((1, len(KINDS)), np.int8) if codes is None else codes
        self.step = np.zeros(len(KINDS)) if step is None else step
        self.bias = np.zeros(len(KINDS)) if bias is None else bias
        self.trust = trust
        self.table = table or phrase_table()
        self._line = list(zip(KINDS, self.bias.tolist(), self.step.tolist(), strict=True))

    def features(self, text: str, previous: str = "") -> Features:
        """Take an utterance apart."""
        return features_of(text, previous, self.table)

    def score(self, text: str, previous: str = "") -> Scores:
        """Return the probability of each kind.

        Parameters
        ----------
        text : str
        previous : str
            The utterance before it, by the other speaker.
        """
        words, classes, context, cues = features_of(text, previous, self.table)
        if not words:
            return Scores(dict.fromkeys(KINDS, 0.0), {})
        learned = score_grams(words, classes, context, self.codes)
        prior = prior_logits(cues)
        chances = {
            kind: 1.0 / (1.0 + exp(-max(-60.0, bias + self.trust * known + step * new)))
            for (kind, bias, step), known, new in zip(self._line, prior, learned, strict=True)
        }
        return Scores(chances, cues)

    @classmethod
    def from_weights(cls, weights: F64Array, bias: F64Array, trust: float = 1.0) -> FeedbackModel:
        """Return a model with weights, shape (rows, 4), rounded to 127 steps of the largest."""
        step = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
        return cls(np.rint(weights / step).astype(np.int8), step, bias, trust)

    def save(self, path: str | Path) -> int:
        """Write the rows that are not zero; return the bytes written."""
        rows = np.flatnonzero(self.codes.any(axis=1))
        data = save(
            {
                "rows": rows.astype(np.int32),
                "codes": np.ascontiguousarray(self.codes[rows]),
                "size": np.array([len(self.codes)]),
                "step": self.step,
                "bias": self.bias,
                "trust": np.array([self.trust]),
            }
        )
        Path(path).write_bytes(data)
        return len(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> FeedbackModel:
        """Invert `save`.

        Raises
        ------
        SnapshotError
            Damaged, or no such weights.
        """
        try:
            held = load(data)
            codes = np.zeros((int(held["size"][0]), len(KINDS)), np.int8)
            codes[held["rows"]] = held["codes"]
            step, bias = (held[name].reshape(len(KINDS)) for name in ("step", "bias"))
            return cls(codes, step, bias, float(held["trust"][0]))
        except Exception as error:
            raise SnapshotError(f"no weights of a feedback model: {error}") from error


@cache
def shipped_model() -> FeedbackModel:
    """Return the model that comes with the package."""
    file = resources.files("engrain.policy").joinpath("feedback.safetensors")
    return FeedbackModel.from_bytes(file.read_bytes())
