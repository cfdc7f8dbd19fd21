"""Boosted trees on the static columns: the control that could use what no linear model can.

Needs lightgbm, which is no dependency: without it there is no such control.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array
from engrain.memory import Candidates

__all__ = ["Trees", "fit_trees", "static_list"]

STATIC = ("s:", "x:")


class Trees:
    """LambdaMART (Burges 2010), fitted to judged lists.

    Parameters
    ----------
    model : lightgbm.LGBMRanker
    columns : sequence of int
        The static ones of the rows.
    """

    def __init__(self, model: Any, columns: Sequence[int]) -> None:
        self._model, self._columns = model, list(columns)

    def score(self, rows: F32Array) -> F32Array:
        """Return a score per row, shape (n,)."""
        found: F32Array = self._model.predict(rows[:, self._columns]).astype(np.float32)
        return found


def static_list(
    candidates: Candidates, relevant: frozenset[str]
) -> tuple[F32Array, BoolArray] | None:
    """Return what is proposed without evidence and which of it is relevant; None if nothing is."""
    ids = [id for id, own in zip(candidates.ids, candidates.static, strict=True) if own]
    hits = np.fromiter((id in relevant for id in ids), bool, len(ids))
    return (candidates.rows[candidates.static], hits) if hits.any() else None


def fit_trees(lists: Sequence[tuple[F32Array, BoolArray]], names: Sequence[str]) -> Trees | None:
    """Fit to judged lists; None without lightgbm or without lists."""
    if not lists or find_spec("lightgbm") is None:
        return None
    from lightgbm import LGBMRanker

    columns = [i for i, name in enumerate(names) if name.startswith(STATIC)]
    model = LGBMRanker(
        n_estimators=150,
        num_leaves=15,
        learning_rate=0.05,
        min_child_samples=50,
        reg_lambda=5.0,
        subsample=0.8,
        subsample_freq=1,
        colsample_bytree=0.6,
        n_jobs=1,
        verbose=-1,
        random_state=0,
    )
    rows = np.concatenate([rows[:, columns] for rows, _ in lists])
    hits = np.concatenate([hits for _, hits in lists]).astype(int)
    model.fit(rows, hits, group=[len(hits) for _, hits in lists])
    return Trees(model, columns)
