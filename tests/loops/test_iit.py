from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError, ShapeError
from engrain.loops.iit import Network, system_phi
from engrain.loops.iit3 import system_phi3

XOR = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0]]


@pytest.mark.parametrize("version", ["IIT_3_0", "IIT_4_0_2023"])
def test_published_networks_have_their_published_phi(data: Path, version: str) -> None:
    references = json.loads((data / "iit_phi" / "phi_reference.json").read_text())
    measured = 0
    for reference in [r for r in references if r["version"] == version]:
        table = reference.get("tpm_little_endian_state_by_node")
        if table is None:
            continue
        network = Network.from_table(table, reference["state"], reference["nodes"])
        if version == "IIT_4_0_2023":
            phi = system_phi(network).phi
        elif reference["fixture"].endswith("_tri"):
            phi = system_phi3(network, parts=3)
        else:
            phi = system_phi3(network)
        assert phi == pytest.approx(reference["phi"], abs=2e-6), reference["fixture"]
        measured += 1
    assert measured >= 4


def test_exclusive_or_has_one_and_a_half_ibits() -> None:
    found = system_phi(Network.from_table(XOR, (0, 0, 0)))
    assert found.phi == pytest.approx(1.5)
    assert found.effect == (0, 0, 0)
    assert system_phi3(Network.from_table(XOR, (0, 0, 0))) == pytest.approx(1.875)


def test_elements_that_mind_their_own_business_have_none() -> None:
    copy = Network.from_table([[0, 0], [1, 0], [0, 1], [1, 1]], (1, 1))
    assert system_phi(copy).phi == 0.0
    assert system_phi3(copy) == 0.0
    noise = Network(np.full((2, 2, 2), 0.5), (0, 1))
    assert system_phi(noise).phi == 0.0


def test_a_one_way_chain_has_none() -> None:
    chain = Network.from_table([[0, 0], [0, 1], [0, 0], [0, 1]], (0, 0))
    assert system_phi(chain).phi == 0.0


def test_relabelling_the_elements_changes_nothing() -> None:
    odds = np.array(XOR, np.float64) * 0.8 + np.array([0.1, 0.05, 0.15])
    on = odds.reshape(2, 2, 2, 3).transpose(2, 1, 0, 3)
    order = [2, 0, 1]
    moved = np.ascontiguousarray(on.transpose(*order, 3)[..., order])
    first = system_phi(Network(on, (1, 0, 1))).phi
    second = system_phi(Network(moved, (1, 1, 0))).phi
    assert first == pytest.approx(second, abs=1e-12)
    assert first > 0.1


def test_the_rest_of_a_system_stays_in_its_state() -> None:
    table = np.random.default_rng(4).random((8, 3))
    part = Network.from_table(table, (1, 0, 1), (1, 2))
    assert part.state == (0, 1)
    for b in (0, 1):
        for c in (0, 1):
            np.testing.assert_array_equal(part.on[b, c], table[1 + 2 * b + 4 * c, 1:])


def test_bad_networks_are_refused() -> None:
    with pytest.raises(ShapeError):
        Network(np.zeros((2, 2, 2)), (0,))
    with pytest.raises(ConfigError, match="odds"):
        Network(np.full((2, 2, 2), 1.5), (0, 0))
    with pytest.raises(ShapeError, match="table"):
        Network.from_table([[0]], (0, 1))
    with pytest.raises(ConfigError, match="at least 2"):
        system_phi(Network(np.array([[0.0], [1.0]]), (0,)))
    with pytest.raises(ConfigError, match="IIT 3"):
        system_phi3(Network(np.zeros((2,) * 6 + (6,)), (0,) * 6))
