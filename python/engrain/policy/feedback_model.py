"""The linear model that says which kinds of feedback an utterance holds.

The logit of kind k is ``b_k + t (B + sum_c P_ck (2 - 2^(1 - n_c))) + sum_f w_fk / sqrt(|f|)``: n_c
counts the phrases of class c, so that B and P are what the table of phrases says before any
training (the mean of the prior), and w are the learned weights of hashed n-grams and context
features. t is 1, or 0 for labels that mean something else than the table's kinds.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from safetensors.numpy import load, save

from engrain.base.arrays import F64Array, I8Array, U64Array
from engrain.base.errors import SnapshotError
from engrain.kernels import CUES, PhraseTable
from engrain.policy.feedback_text import KINDS, phrase_table, readable

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


class Features(NamedTuple):
    """What the model sees of an utterance.

    Attributes
    ----------
    hashes : ndarray of uint64, shape (features,)
        Of every different n-gram and context feature, ascending.
    cues : dict of str to int
        Number of phrases by class.
    """

    hashes: U64Array
    cues: dict[str, int]


class Scores(NamedTuple):
    """Probability of each of the `KINDS`, and the number of phrases by class."""

    probabilities: tuple[float, ...]
    cues: dict[str, int]


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

    Attributes
    ----------
    weights : ndarray of float64, shape (15, 4)
        Steps, biases, and what a phrase of each class adds, as `PhraseTable.score` takes them.
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
        prior = [PRIOR.get(name, (0.0,) * len(KINDS)) for name in CUES]
        rows = (self.step, self.bias + trust * PRIOR_BIAS, trust * np.array(prior))
        self.weights = np.ascontiguousarray(np.vstack(rows))

    def features(self, text: str, previous: str = "") -> Features:
        """Take an utterance apart."""
        return Features(*self.table.read(readable(text), readable(previous)))

    def score(self, text: str, previous: str = "") -> Scores:
        """Return the probability of each kind; 0 where no word was said.

        Parameters
        ----------
        text : str
        previous : str
            The utterance before it, by the other speaker.
        """
        said, before = readable(text), readable(previous)
        return Scores(*self.table.score(said, before, self.codes, self.weights))

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
