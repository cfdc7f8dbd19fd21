from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.promotion import Promotion


def run(ladder: Promotion, means: dict[str, float], steps: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.2, (steps, len(means)))
    found = []
    for row in noise:
        losses = {rung: mean + e for (rung, mean), e in zip(means.items(), row, strict=True)}
        found.append(ladder.observe(losses))
    return found


def test_cosine_is_in_force_until_something_has_proven_better() -> None:
    ladder = Promotion()
    assert ladder.active == "cosine"
    assert run(ladder, {"cosine": 0.5, "inline": 0.5, "nets": 0.6}, 50)[-1] == "cosine"
    assert run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.6}, 400)[-1] == "inline"


def test_nets_are_promoted_only_over_the_inline_ones() -> None:
    ladder = Promotion()
    assert run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.6}, 400)[-1] == "inline"
    assert run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.45}, 400)[-1] == "inline"
    assert run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.3}, 400)[-1] == "nets"


@pytest.mark.parametrize("seed", range(5))
def test_a_corrupted_rung_falls_back_within_100_interactions(seed: int) -> None:
    ladder = Promotion()
    assert run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.3}, 3000, seed)[-1] == "nets"
    found = run(ladder, {"cosine": 0.5, "inline": 0.4, "nets": 0.7}, 100, seed)
    assert found[-1] == "inline"
    found = run(ladder, {"cosine": 0.5, "inline": 0.9, "nets": 0.9}, 100, seed)
    assert found[-1] == "cosine"


def test_a_loss_that_is_not_finite_demotes_at_once() -> None:
    ladder = Promotion(("cosine", "gate"))
    run(ladder, {"cosine": 0.6, "gate": 0.3}, 200)
    assert ladder.active == "gate"
    assert ladder.observe({"cosine": 0.6, "gate": float("nan")}) == "cosine"


def test_equal_rungs_rarely_change_places() -> None:
    changes = 0
    for seed in range(10):
        found = run(Promotion(("cosine", "gate")), {"cosine": 0.5, "gate": 0.5}, 2000, seed)
        changes += sum(a != b for a, b in pairwise(found))
    assert changes <= 20


def test_state_restores_evidence() -> None:
    one, two = Promotion(), Promotion()
    means = {"cosine": 0.5, "inline": 0.4, "nets": 0.3}
    run(one, means, 150)
    two.load(one.state())
    assert run(one, means, 100, 7) == run(two, means, 100, 7)
    with pytest.raises(ShapeError):
        Promotion(("a", "b")).load(one.state())


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="rungs"):
        Promotion(("one",))
    with pytest.raises(ConfigError, match="expected finite losses"):
        Promotion(("a", "b")).observe({"a": 0.1})
    with pytest.raises(ConfigError, match="expected finite losses"):
        Promotion(("a", "b")).observe({"a": float("nan"), "b": 0.1})
