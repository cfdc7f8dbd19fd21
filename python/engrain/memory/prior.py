"""Where the ranking weights start, before any feedback: by the kind of what is remembered.

``base`` is z(BM25) + z(cosine). A fixed mix is fitted to nothing: stems, thrice the cosine,
diffusion, and half of the latent space and of feedback words for documents; stems, cosine, both
over the window of a memory's neighbours and the source that a question names for conversations.
``conversation`` holds weights learned on dialogues (`engrain.evaluation.prior` writes them),
``hashed conversation`` those learned with the embedder that needs no download. Static weights
learned on one collection of documents do not carry over to others, trust in evidence does:
``documents`` has the weights of the fixed mix, and beside them what collections typically taught
about evidence. Ratios of static weights rank; their size is the temperature at which learning
starts. Weights of evidence are in nats: what is said of a memory does not weigh more where static
scores differ more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from engrain.base.errors import ConfigError

__all__ = [
    "BASE",
    "FIXED",
    "FIXED_CONVERSATION",
    "PRIORS",
    "Prior",
    "check_prior",
    "fixed_mix",
    "kind_of",
    "left_out",
    "prior_trust",
    "prior_weights",
    "was_fitted_on",
]

EVEN: Mapping[str, float] = {"static": 1.0, "evidence": 1.0}
BASE = {"s:bm25": 0.5, "s:cos": 0.5}
FIXED = {"s:cos": 0.45, "x:porter": 0.15, "x:diff": 0.15, "x:lsa": 0.075, "x:rm3": 0.075}
FIXED_CONVERSATION = {
    "s:cos": 0.5,
    "x:porter": 0.5,
    "x:winbm": 0.5,
    "x:wincos": 0.5,
    "x:src": 0.5,
}
MIXES: Mapping[str, Mapping[str, float]] = {
    "base": BASE,
    "fixed": FIXED,
    "fixed conversation": FIXED_CONVERSATION,
}
Prior: TypeAlias = str
PRIORS = ("auto", "fixed", "base")
WITHOUT = " without "
FILE = "priors.json"


def check_prior(prior: str) -> str:
    """Return one of `PRIORS`, or a kind whose weights leave something out, see `left_out`.

    Raises
    ------
    ConfigError
        It is none of them.
    """
    if prior not in PRIORS and WITHOUT not in prior:
        raise ConfigError(f"prior: expected one of {', '.join(PRIORS)}, got {prior!r}")
    return prior


def kind_of(prior: str, *, dialogue: bool, embedder: str | None = None) -> str:
    """Return the kind of weights that a choice of `PRIORS` means for a dialogue, or for none.

    `embedder` is the name of one, None where vectors are given: the likeness of hashed words
    deserves another trust than that of meanings, and so do the columns beside it.
    """
    if prior == "base" or WITHOUT in prior:
        return prior
    if prior == "fixed":
        return "fixed conversation" if dialogue else "fixed"
    if not dialogue:
        return "documents"
    return "hashed conversation" if (embedder or "").startswith("hashed") else "conversation"


def prior_weights(kind: str, names: Collection[str]) -> dict[str, float]:
    """Return the weights of a kind for those columns that there are.

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    kind, _, name = kind.partition(WITHOUT)
    told = shipped().get(kind, {})
    weights = MIXES.get(kind) or told.get("without", {}).get(name) or told.get("weights")
    if weights is None:
        raise ConfigError(f"prior of unknown kind {kind!r}: made by a newer engrain")
    return {name: weight for name, weight in weights.items() if name in names}


def prior_trust(kind: str) -> Mapping[str, float]:
    """Return how firmly static and evidence weights hold to a kind's prior, by kind of column."""
    found: Mapping[str, float] = shipped().get(kind.partition(WITHOUT)[0], {}).get("trust", EVEN)
    return found


def fixed_mix(kind: str) -> Mapping[str, float]:
    """Return the fixed mix of dialogues or of documents, whichever a kind of weights is for."""
    return FIXED_CONVERSATION if "conversation" in kind else FIXED


def left_out(kind: str, name: str) -> str:
    """Name the weights of a kind that were fitted without one conversation or data set.

    They are those of the kind where it had no part in them.
    """
    return f"{kind}{WITHOUT}{name}"


def was_fitted_on(name: str) -> bool:
    """Tell whether the weights of some kind were learned on a data set."""
    return any(name in kind["fitted_on"]["questions"] for kind in shipped().values())


@cache
def shipped() -> dict[str, Any]:
    """Return the weights in the package by kind, with what they were fitted on."""
    text = files("engrain.memory").joinpath(FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
