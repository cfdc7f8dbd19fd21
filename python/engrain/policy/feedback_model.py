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

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import SnapshotError
from engrain.kernels import score_grams
from engrain.policy.feedback_features import Features, features_of
from engrain.policy.feedback_text import KINDS, PhraseTable, phrase_table

ROWS: Final = 1 << 20
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
    weights : ndarray of float32, shape (rows, 4), optional
        Of the hashed features; rows is a power of two. Default: zeros, the prior alone.
    bias : ndarray of float64, shape (4,), optional
    trust : float
        In what the table of phrases says: 1, or 0 to go by the weights alone.
    table : PhraseTable, optional
        Default: the one that comes with the package.
    """

    def __init__(
        self,
        weights: F32Array | None = None,
        bias: F64Array | None = None,
        trust: float = 1.0,
        table: PhraseTable | None = None,
    ) -> None:
        self.weights = np.zeros((1, len(KINDS)), np.float32) if weights is None else weights
        self.bias = np.zeros(len(KINDS)) if bias is None else bias
        self.trust = trust
        self.table = table or phrase_table()
        self._bias = [float(b) for b in self.bias]

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
        learned = score_grams(words, classes, context, self.weights)
        prior = prior_logits(cues)
        chances = {
            kind: 1.0 / (1.0 + exp(-max(-60.0, bias + self.trust * known + new)))
            for kind, bias, known, new in zip(KINDS, self._bias, prior, learned, strict=True)
        }
        return Scores(chances, cues)

    def save(self, path: str | Path) -> int:
        """Write the weights as 8-bit steps of each kind's largest; return the bytes written."""
        rows = np.flatnonzero(np.abs(self.weights).max(axis=1) > 0)
        step = np.maximum(np.abs(self.weights).max(axis=0), 1e-12) / 127
        codes = np.rint(self.weights[rows] / step).astype(np.int8)
        kept = codes.any(axis=1)
        data = save(
            {
                "rows": rows[kept].astype(np.int32),
                "codes": np.ascontiguousarray(codes[kept]),
                "step": step.astype(np.float32),
                "bias": np.asarray(self.bias, dtype=np.float64),
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
            tensors = load(data)
            weights = np.zeros((ROWS, len(KINDS)), np.float32)
            weights[tensors["rows"]] = tensors["codes"] * tensors["step"]
            bias, trust = tensors["bias"].reshape(len(KINDS)), float(tensors["trust"][0])
        except Exception as error:
            raise SnapshotError(f"no weights of a feedback model: {error}") from error
        return cls(weights, bias, trust)


@cache
def shipped_model() -> FeedbackModel:
    """Return the model that comes with the package."""
    file = resources.files("engrain.policy").joinpath("feedback.safetensors")
    return FeedbackModel.from_bytes(file.read_bytes())
