from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.errors import ConfigError
from engrain.memory.index import StaticIndex
from engrain.memory.learner import CORRECTIONS, LEARNED, SIGNS
from engrain.memory.prior import (
    BASE,
    EVEN,
    FIXED,
    FIXED_CONVERSATION,
    Prior,
    check_prior,
    kind_of,
    left_out,
    prior_trust,
    prior_weights,
    shipped,
    was_fitted_on,
)

TURNS = [
    ("Ann", "I went to the lake."),
    ("Bob", "Which lake?"),
    ("Ann", "The northern one, last week."),
    ("Bob", "I prefer the sea."),
]


def talk(path: Path, prior: Prior = "auto", **more: str | None) -> Memory:
    memory = Memory(path, prior=prior)
    for place, (source, text) in enumerate(TURNS):
        memory.remember(text, **{"id": f"t{place}", "source": source, "sequence": "s", **more})  # type: ignore[arg-type]
    return memory


def start(memory: Memory) -> dict[str, float]:
    found = memory.candidates("lake")
    weights = dict(zip(found.names, found.prior.tolist(), strict=True))
    return {name: weight for name, weight in weights.items() if weight}


def test_a_dialogue_starts_with_learned_weights_that_its_file_keeps(tmp_path: Path) -> None:
    weights = shipped()["hashed conversation"]["weights"]
    expected = {
        name: np.float32(weight)
        for name, weight in weights.items()
        if weight and name.startswith(("s:", "x:"))
    }
    with talk(tmp_path / "a.db") as memory:
        assert start(memory) == expected
        first = memory.recall("where did Ann go", log=False)
    with Memory(tmp_path / "a.db", prior="base") as memory:
        assert start(memory) == expected
        again = memory.recall("where did Ann go", log=False)
    assert [(hit.id, hit.score) for hit in first] == [(hit.id, hit.score) for hit in again]


def test_a_dialogue_of_given_vectors_starts_with_other_weights(tmp_path: Path) -> None:
    with Memory(tmp_path / "a.db", dim=2) as memory:
        for place, (source, text) in enumerate(TURNS):
            memory.remember(text, vector=[1.0, place], source=source, sequence="s")
        found = memory.candidates("lake", vector=[1.0, 0.5])
        weights = dict(zip(found.names, found.prior.tolist(), strict=True))
    for name in ("s:cos", "x:wincos"):
        kinds = ("conversation", "hashed conversation")
        told = {kind: np.float32(shipped()[kind]["weights"][name]) for kind in kinds}
        assert weights[name] == told["conversation"] != told["hashed conversation"]


@pytest.mark.parametrize("missing", ["source", "sequence"])
def test_what_is_no_dialogue_starts_with_the_mix_of_documents(tmp_path: Path, missing: str) -> None:
    with talk(tmp_path / "a.db", **{missing: None}) as memory:  # type: ignore[arg-type]
        assert start(memory) == pytest.approx(FIXED)
    with talk(tmp_path / "b.db", "fixed", **{missing: None}) as memory:
        assert start(memory) == pytest.approx(FIXED)


def test_a_prior_can_be_chosen(tmp_path: Path) -> None:
    with talk(tmp_path / "base.db", "base") as memory:
        assert start(memory) == BASE
        found = memory.candidates("lake")
        np.testing.assert_array_equal(found.base, found.prior)
    with talk(tmp_path / "fixed.db", "fixed") as memory:
        assert start(memory) == pytest.approx(FIXED_CONVERSATION)
        found = memory.candidates("lake")
        named = dict(zip(found.names, found.base.tolist(), strict=True))
        assert {name: weight for name, weight in named.items() if weight} == BASE


def test_unknown_priors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'best'"):
        Memory(tmp_path / "a.db", prior="best")
    assert not (tmp_path / "a.db").exists()
    with pytest.raises(ConfigError, match="'talk'"):
        prior_weights("talk", [])


def test_shipped_weights_are_of_columns_that_there_are() -> None:
    names = StaticIndex([4]).names
    for kind in shipped().values():
        assert set(kind["weights"]) <= {*names, *LEARNED}
    assert set(FIXED) | set(FIXED_CONVERSATION) <= set(names)
    assert prior_weights("conversation", ["s:cos"]).keys() == {"s:cos"}
    assert kind_of("auto", dialogue=True) == "conversation"
    assert kind_of("auto", dialogue=True, embedder="wordllama-256") == "conversation"
    assert kind_of("auto", dialogue=True, embedder="hashed-512") == "hashed conversation"
    assert kind_of("auto", dialogue=False, embedder="hashed-512") == "documents"
    assert kind_of("fixed", dialogue=True) == "fixed conversation"
    assert kind_of("fixed", dialogue=False) == "fixed"


def test_it_is_told_on_what_weights_were_learned() -> None:
    assert was_fitted_on("mem_locomo_dev")
    assert was_fitted_on("ret_cranfield")
    assert not was_fitted_on("mine")


def test_documents_start_with_the_fixed_mix_and_trust_in_evidence() -> None:
    signs = dict(zip(LEARNED, SIGNS, strict=True))
    told = shipped()["documents"]
    for weights in (told["weights"], *told["without"].values()):
        assert {name: weights[name] for name in FIXED} == FIXED
        evidence = {name: weight for name, weight in weights.items() if name not in FIXED}
        assert all(weight * signs[name] >= 0 for name, weight in evidence.items())
        assert evidence["r:dir"] > 0 > evidence["e:passed"]
        assert not set(evidence) & {"e:ridge", *CORRECTIONS}
    assert set(told["without"]) == set(told["fitted_on"]["questions"])


def test_weights_can_leave_out_what_is_measured() -> None:
    names = [*StaticIndex([4]).names, *LEARNED]
    part, weights = next(iter(shipped()["conversation"]["without"].items()))
    kind = left_out("conversation", part)
    assert prior_weights(kind, names) == weights != prior_weights("conversation", names)
    other = left_out("conversation", "mine/1")
    assert prior_weights(other, names) == prior_weights("conversation", names)
    own, documents = (prior_weights(k, names) for k in (left_out("documents", "mine"), "documents"))
    assert own == documents
    assert prior_weights(left_out("documents", "ret_cisi"), names) != documents
    assert check_prior(kind) == kind == kind_of(kind, dialogue=False)
    assert prior_trust(kind) == prior_trust("conversation") != EVEN == prior_trust("documents")
