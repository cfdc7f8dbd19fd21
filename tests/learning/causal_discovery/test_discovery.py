from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.causal_discovery import CausalDiscovery


def stream(discovery: CausalDiscovery, n: int = 2000) -> None:
    rng = np.random.default_rng(1)
    for a, b, noise in rng.standard_normal((n, 3)):
        discovery.observe({"gate": a, "memory": b, "outcome": a + 2 * b + noise, "constant": 1.0})


def test_causes_are_found_and_weighed() -> None:
    discovery = CausalDiscovery(["gate", "memory", "constant", "outcome"], alpha=0.01)
    stream(discovery)
    graph = discovery.graph()
    assert graph.causes_of("outcome") == ["gate", "memory"]
    assert graph.neighbours_of("constant") == []
    assert graph.directed() == [("gate", "outcome"), ("memory", "outcome")]
    assert graph.undirected() == []
    shares = discovery.attribute("outcome")
    assert shares["memory"] == pytest.approx(4 * shares["gate"], rel=0.25)
    assert discovery.kind == "real"


def test_discrete_variables_and_their_order() -> None:
    rng = np.random.default_rng(2)
    discovery = CausalDiscovery(["late", "early"], levels=[2, 2], order=[1, 0])
    for early, flip in zip(rng.integers(0, 2, 500), rng.random(500) < 0.2, strict=True):
        discovery.observe({"early": early, "late": early ^ int(flip)})
    assert discovery.graph().directed() == [("early", "late")]
    with pytest.raises(ValueError, match="real variables"):
        discovery.attribute("late")


def test_bad_names_are_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        CausalDiscovery(["a", "a"])
    with pytest.raises(ValueError, match="entries"):
        CausalDiscovery(["a", "b"], order=[0])
    discovery = CausalDiscovery(["a", "b"])
    with pytest.raises(KeyError, match="b"):
        discovery.observe({"a": 1.0})
    with pytest.raises(KeyError, match="c"):
        discovery.graph().causes_of("c")
