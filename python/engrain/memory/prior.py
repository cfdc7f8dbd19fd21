"""Where the ranking weights start, before any feedback: by the kind of what is remembered.

``base`` is z(BM25) + z(cosine). ``fixed`` adds, with weight 1, both scores over the window of a
memory's neighbours and the source that a question names: a mix that owes nothing to any data.
``conversation`` holds weights learned on dialogues (`engrain.evaluation.prior` writes them). What
is learned on one collection of documents does not carry over to others: ``documents`` is the base.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias, get_args

from engrain.base.errors import ConfigError

__all__ = ["BASE", "FIXED", "PRIORS", "Prior", "check_prior", "kind_of", "prior_weights"]

BASE = {"s:bm25": 1.0, "s:cos": 1.0}
FIXED = {**BASE, "x:winbm": 1.0, "x:wincos": 1.0, "x:src": 1.0}
Prior: TypeAlias = Literal["auto", "fixed", "base"]
PRIORS: tuple[str, ...] = get_args(Prior)
FILE = "priors.json"


def check_prior(prior: str) -> str:
    """Return one of `PRIORS`.

    Raises
    ------
    ConfigError
        It is none of them.
    """
    if prior not in PRIORS:
        raise ConfigError(f"prior: expected one of {', '.join(PRIORS)}, got {prior!r}")
    return prior


def kind_of(prior: str, *, dialogue: bool) -> str:
    """Return the kind of weights that a choice of `PRIORS` means for a dialogue, or for none."""
    if prior != "auto":
        return prior
    return "conversation" if dialogue else "documents"


def prior_weights(kind: str, names: Collection[str]) -> dict[str, float]:
    """Return the weights of a kind for those columns that there are.

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    known: dict[str, Mapping[str, float]] = {"base": BASE, "documents": BASE, "fixed": FIXED}
    if kind == "conversation":
        known[kind] = shipped()[kind]["weights"]
    if kind not in known:
        raise ConfigError(f"prior of unknown kind {kind!r}: made by a newer engrain")
    return {name: weight for name, weight in known[kind].items() if name in names}


@cache
def shipped() -> dict[str, Any]:
    """Return the weights in the package by kind, with what they were fitted on."""
    text = files("engrain.memory").joinpath(FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
