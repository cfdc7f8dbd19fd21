"""How far a memory's confidence can be trusted: calibration and abstention on a stream.

A recall succeeds when a relevant memory is among the ten shown; questions without an answer in
the memories (flagged adversarial, or unjudged) never succeed. Each question is answered before it
teaches. The last line pools the streams of all seeds: bins of more questions tell an error from
chance, where what comes of one question in several streams counts as one observation. ``--net``
adds what a net says that trains behind the memory (`confidence_net`; needs torch).

Usage: ``python -m engrain.evaluation.confidence FOLDER [--seeds N] [--drift] [--net]``
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F64Array
from engrain.base.errors import ConfigError
from engrain.evaluation.confidence_stream import Stream, pooled, run_stream
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.policy.calibration_measures import brier_score, calibration_error


def summarise_stream(stream: Stream) -> dict[str, Any]:
    """Return calibration, and abstention where some questions cannot be answered."""
    p, y = stream.confidence, stream.success
    found: dict[str, Any] = {
        "questions": len(p),
        "successes": float(y.mean()),
        "ece": calibration_error(p, y, groups=stream.question),
        "brier": brier_score(p, y),
        "brier_rate": brier_score(stream.rate, y),
        "brier_uncalibrated": brier_score(np.full(len(p), 0.5), y),
    }
    if not stream.answerable.all():
        found["abstention"] = abstention(p, ~stream.answerable)
    return found


def abstention(confidence: F64Array, unanswerable: BoolArray) -> dict[str, Any]:
    """Measure what is lost and gained by not answering where confidence is low.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
    unanswerable : ndarray of bool, shape (n,)
        At least one of each kind.
    """
    order = np.argsort(confidence, kind="stable")
    caught = np.cumsum(unanswerable[order])
    recall = caught / caught[-1]
    precision = caught / np.arange(1, len(order) + 1)
    levels = [round(0.1 * step, 1) for step in range(1, 11)]
    curve = {level: float(precision[np.searchsorted(recall, level - 1e-12)]) for level in levels}
    return {
        "base_rate": float(unanswerable.mean()),
        "auroc": auroc(confidence, ~unanswerable),
        "precision_at_recall": curve,
    }


def auroc(scores: F64Array, positive: BoolArray) -> float:
    """Return the chance that a positive scores above a negative, ties counting half."""
    values, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place, minlength=len(values))
    ranks = np.cumsum(counts) - (counts - 1) / 2
    n, total = int(positive.sum()), float(ranks[place][positive].sum())
    return (total - n * (n + 1) / 2) / (n * (len(scores) - n))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of some streams as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--drift", action="store_true")
    parser.add_argument("--net", action="store_true", help="beside a net behind the memory")
    options = parser.parse_args(arguments)
    dataset, streams = load_dataset(options.folder), []
    for seed in range(options.seeds):
        streams.append(run_stream(dataset, seed=seed, drift=options.drift))
        print(json.dumps({"seed": seed, **summarise_stream(streams[-1])}))
    whole = pooled(streams)
    print(json.dumps({"seeds": options.seeds, **summarise_stream(whole)}))
    if options.net:
        print(json.dumps({"seeds": options.seeds, "net": _net_figures(dataset, streams)}))


def _net_figures(dataset: Dataset, streams: Sequence[Stream]) -> dict[str, float]:
    from engrain.evaluation.confidence_net import Forecasts, forecast, summarise_forecasts

    if dataset.question_vectors is None:
        raise ConfigError(f"{dataset.name}: a net needs the questions' vectors")
    found = [forecast(s, dataset.question_vectors, seed=n) for n, s in enumerate(streams)]
    joined = Forecasts(*(np.concatenate(column) for column in zip(*found, strict=True)))
    return summarise_forecasts(pooled(streams), joined)


if __name__ == "__main__":
    main()
