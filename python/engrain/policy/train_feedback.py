"""Train and measure the feedback model: ``python -m engrain.policy.train_feedback FOLDER``.

Without further arguments the weights that ship are trained again, from data whose licence allows
it: the sentences of this package and the reactions of UKP (Apache-2.0). ``--meetings`` trains on
four in five conversations of the ICSI meetings instead, for use at home: that corpus is for
research.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engrain.base.arrays import F64Array
from engrain.policy import feedback_corpora as corpora
from engrain.policy.feedback_corpora import Example
from engrain.policy.feedback_model import FeedbackModel, prior_logits
from engrain.policy.feedback_text import KINDS

# Both by cross-validation over the training conversations of the meetings.
RIDGE = 0.2
RARITY = 0.15
ROWS = 1 << 17
# For tens of thousands of examples whose labels mean something else than the table's kinds.
MANY: Final[dict[str, Any]] = {"trust": 0.0, "rows": 1 << 20, "least": 2}


def fit(
    examples: Sequence[Example],
    ridge: float = RIDGE,
    *,
    trust: float = 1.0,
    rows: int = ROWS,
    least: int = 1,
) -> FeedbackModel:
    """Return the maximum a posteriori weights: logistic loss, ridge towards the table of phrases.

    Parameters
    ----------
    examples : sequence of Example
    ridge : float
        Weight of the squared norm of the learned weights, in nats.
    trust : float
        In the table of phrases: 1, or 0 where the examples' labels mean something else.
    rows : int
        Places for hashed features, a power of two.
    least : int
        Examples that a feature must be seen in to get a weight.

    Notes
    -----
    L-BFGS (Liu & Nocedal 1989) on the sum over kinds of independent logistic losses; needs scipy.
    A feature seen in n examples is taken n^-`RARITY` times while fitting, so that its ridge grows
    with n: what is everywhere must not stand in for what is telling.
    """
    from scipy.optimize import minimize

    features, prior = _design(examples, rows)
    target = np.array([[kind in example.kinds for kind in KINDS] for example in examples], float)
    used = np.flatnonzero(np.bincount(features.indices, minlength=rows) >= least)
    features = features[:, used]
    scale = np.bincount(features.indices, minlength=len(used)) ** -RARITY
    scale /= np.sqrt(np.mean(scale[features.indices] ** 2))
    features.data *= scale[features.indices]
    transposed = features.T.tocsr()

    def loss(flat: F64Array) -> tuple[float, F64Array]:
        weights = flat.reshape(-1, len(KINDS))
        logits = features @ weights[1:] + weights[0] + trust * prior
        value = np.logaddexp(0, logits).sum() - (target * logits).sum()
        slope = 1 / (1 + np.exp(-logits)) - target
        gradient = np.vstack([slope.sum(axis=0), transposed @ slope + ridge * weights[1:]])
        return value + ridge / 2 * (weights[1:] ** 2).sum(), gradient.ravel()

    start = np.zeros((len(used) + 1) * len(KINDS))
    options = {"maxiter": 80, "maxcor": 8, "ftol": 1e-6}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    best = best.reshape(-1, len(KINDS))
    table = np.zeros((rows, len(KINDS)))
    table[used] = best[1:] * scale[:, None]
    return FeedbackModel.from_weights(table, best[0], trust)


def _design(examples: Sequence[Example], size: int) -> tuple[Any, F64Array]:
    """Return the sparse design matrix, shape (n, size), and the logits of the table of phrases."""
    from scipy.sparse import csr_matrix

    model = FeedbackModel()
    starts, rows, values, prior = [0], [], [], []
    for example in examples:
        hashes, cues = model.features(example.text, example.previous)
        rows.append((hashes % np.uint64(size)).astype(np.int32))
        values.append(np.full(len(hashes), len(hashes) ** -0.5))
        starts.append(starts[-1] + len(hashes))
        prior.append(prior_logits(cues))
    shape = (len(examples), size)
    matrix = csr_matrix((np.concatenate(values), np.concatenate(rows), starts), shape=shape)
    matrix.sum_duplicates()
    return matrix, np.array(prior)


def probabilities(model: FeedbackModel, examples: Sequence[Example]) -> F64Array:
    """Return the probability of each kind, shape (n, 4)."""
    return np.array([model.score(said.text, said.previous).probabilities for said in examples])


def average_precision(relevant: NDArray[np.bool_], scores: F64Array) -> float:
    """Return the mean of the precision at each relevant place, ties broken against us."""
    order = np.lexsort((relevant, -scores))
    hits = relevant[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean()) if hits.any() else float("nan")


def measure(model: FeedbackModel, examples: Sequence[Example]) -> dict[str, float]:
    """Return the average precision of each kind that occurs."""
    return _precisions(examples, probabilities(model, examples))


def cross_validated(
    examples: Sequence[Example],
    beside: Sequence[Example] = (),
    *,
    folds: int = 5,
    trust: float = 1.0,
    rows: int = ROWS,
    least: int = 1,
) -> dict[str, float]:
    """Return the average precision on `examples`, each conversation read by a model without it.

    Parameters
    ----------
    examples : sequence of Example
    beside : sequence of Example
        What every model is trained on too.
    folds : int
    trust, rows, least
        As in `fit`.
    """
    names = sorted({example.conversation for example in examples})
    fold_of = {name: i % folds for i, name in enumerate(names)}
    chances = np.empty((len(examples), len(KINDS)))
    for fold in range(folds):
        held = np.array([fold_of[example.conversation] == fold for example in examples])
        kept = [example for example, out in zip(examples, held, strict=True) if not out]
        test = [example for example, out in zip(examples, held, strict=True) if out]
        model = fit([*beside, *kept], trust=trust, rows=rows, least=least)
        chances[held] = probabilities(model, test)
    return _precisions(examples, chances)


def _precisions(examples: Sequence[Example], chances: F64Array) -> dict[str, float]:
    found = {}
    for k, kind in enumerate(KINDS):
        relevant = np.array([kind in example.kinds for example in examples])
        if relevant.any():
            found[kind] = average_precision(relevant, chances[:, k])
    return found


def _print(name: str, model: FeedbackModel, examples: Sequence[Example]) -> None:
    _line(name, measure(model, examples), len(examples))


def _line(name: str, found: dict[str, float], count: int) -> None:
    figures = "  ".join(f"{kind} {value:.3f}" for kind, value in found.items())
    print(f"{name:36} n {count:6}  AP: {figures}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, write the weights where asked, and print average precisions."""
    parser = argparse.ArgumentParser(prog="python -m engrain.policy.train_feedback")
    parser.add_argument("folder", type=Path, help="folder of the evaluation data")
    parser.add_argument("--meetings", action="store_true", help="train on the meetings instead")
    parser.add_argument("--out", type=Path, help="write the weights to this file")
    options = parser.parse_args(arguments)
    if options.meetings:
        meetings = corpora.meetings(options.folder)
        train, held = corpora.split_conversations(meetings)
        model = fit(train, **MANY)
        _print("meetings, every fifth conversation", model, held)
        found = cross_validated(meetings, **MANY)
        _line("meetings, 5-fold", found, len(meetings))
    else:
        extra = corpora.reactions(options.folder)
        own = corpora.own_sentences()
        model = fit([*own, *extra])
        _line("reactions (UKP), 5-fold", cross_validated(extra, own), len(extra))
        _print_evaluation(model, options.folder)
    if options.out is not None:
        print(f"wrote {model.save(options.out)} bytes to {options.out}")


def _print_evaluation(model: FeedbackModel, folder: Path) -> None:
    sets: dict[str, Callable[[Path], list[Example]]] = {
        "meetings, held-out conversations": lambda f: corpora.split_conversations(
            corpora.meetings(f)
        )[1],
        "telephone (Switchboard)": corpora.telephone,
        "satisfaction (USS)": corpora.satisfaction,
    }
    prior = FeedbackModel()
    for name, read in sets.items():
        try:
            examples = read(folder)
        except FileNotFoundError:
            continue
        _print(name, model, examples)
        _print("  the table of phrases alone", prior, examples)


if __name__ == "__main__":
    main()
