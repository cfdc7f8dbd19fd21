"""How far the confidence of a net can be trusted that trains behind a memory's own (needs torch).

Every `REFIT_EVERY` questions a `ConfidenceEstimator` is trained on the earlier ones: from the
question's vector and the scores of what was shown it learns how far the log-odds lie from those of
the memory's own confidence, which it therefore repeats at first. What it says is mixed with that
confidence by their record so far (`FixedShare`), and speaks in its place once `Promotion` finds the
mixture's squared errors smaller.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.evaluation.confidence_stream import REFIT_EVERY, Stream
from engrain.policy.calibration_experts import FixedShare
from engrain.policy.calibration_maps import clipped
from engrain.policy.calibration_measures import brier_score, calibration_error
from engrain.policy.confidence_estimator import ConfidenceEstimator, score_features
from engrain.policy.losses import confidence_loss
from engrain.policy.nets import fit_until_worse
from engrain.policy.promotion import Promotion

LEAST = 50  # questions
FIT: Final[dict[str, Any]] = {"lr": 1e-3, "epochs": 30, "patience": 4}
ALPHA = 0.01  # equal forecasts change places once in 100 questions at most


class Forecasts(NamedTuple):
    """What was said before each question's outcome was known.

    Attributes
    ----------
    net, calibrated, in_force : ndarray of float64, shape (n,)
        The net's probability, its mixture with the memory's confidence, and that or the memory's
        confidence alone, whichever was promoted.
    promoted : ndarray of bool, shape (n,)
        Where it was the net's.
    """

    net: F64Array
    calibrated: F64Array
    in_force: F64Array
    promoted: BoolArray


class _Recalls(NamedTuple):
    situation: Tensor
    context: Tensor
    own: Tensor  # log-odds of the memory's confidence
    outcome: Tensor


def forecast(stream: Stream, vectors: F32Array, *, seed: int = 0) -> Forecasts:
    """Train a net along a stream and note what it says.

    Parameters
    ----------
    stream : Stream
        One, not several pooled.
    vectors : ndarray of float32, shape (questions, dim)
        Of the data set's questions.
    seed : int
    """
    recalls = _recalls(stream, vectors)
    net = ConfidenceEstimator(vectors.shape[1], seed=seed)
    mix, ladder = FixedShare([0.5, 0.5]), Promotion(("memory", "net"), alpha=ALPHA)
    rows = []
    for start in range(0, len(stream.success), REFIT_EVERY):
        if start >= LEAST:
            _train(net, _Recalls(*(part[:start] for part in recalls)), seed)
        for at in range(start, min(start + REFIT_EVERY, len(stream.success))):
            own, success = float(stream.confidence[at]), bool(stream.success[at])
            said = _said(net, recalls, at)
            opinions = np.array([clipped(own), clipped(said)])
            calibrated, promoted = mix.predict(opinions), ladder.active == "net"
            rows.append((said, calibrated, calibrated if promoted else own, promoted))
            mix.update(opinions, success)
            ladder.observe({"memory": (own - success) ** 2, "net": (calibrated - success) ** 2})
    return Forecasts(*(np.array(column) for column in zip(*rows, strict=True)))


def summarise_forecasts(stream: Stream, found: Forecasts) -> dict[str, float]:
    """Return calibration error and Brier score of each forecast, and the share that was the net's.

    Parameters
    ----------
    stream : Stream
        One, or several pooled.
    found : Forecasts
        Of all its questions.
    """
    y, asked = stream.success, stream.question
    figures = {"promoted": float(found.promoted.mean())}
    for name in ("net", "calibrated", "in_force"):
        said = getattr(found, name)
        figures[f"ece_{name}"] = calibration_error(said, y, groups=asked)
        figures[f"brier_{name}"] = brier_score(said, y)
    return figures


def _recalls(stream: Stream, vectors: F32Array) -> _Recalls:
    shown = torch.from_numpy(stream.scores)
    context = score_features(shown.nan_to_num(), ~shown.isnan())
    own = torch.tensor([clipped(p) for p in stream.confidence.tolist()], dtype=torch.float32)
    outcome = torch.from_numpy(stream.success.astype(np.float32))
    return _Recalls(torch.from_numpy(vectors[stream.question]), context, own.logit(), outcome)


def _train(net: ConfidenceEstimator, known: _Recalls, seed: int) -> None:
    """Fit to the older four fifths until the newest no longer gain."""
    held = len(known.outcome) // 5
    train = _Recalls(*(part[:-held] for part in known))
    test = _Recalls(*(part[-held:] for part in known))
    fit_until_worse(net, partial(_loss, net), train, test, seed=seed, **FIT)


def _loss(net: ConfidenceEstimator, told: _Recalls) -> Tensor:
    return confidence_loss(net(told.situation, told.context) + told.own, told.outcome)


@torch.no_grad()
def _said(net: ConfidenceEstimator, recalls: _Recalls, at: int) -> float:
    return float(torch.sigmoid(net(recalls.situation[at], recalls.context[at]) + recalls.own[at]))
