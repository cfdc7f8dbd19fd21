from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, ShapeError
from engrain.memory.ledger import ALL_EVIDENCE, MEASURES, PARTS, STATIC_WEIGHTS, Ledger
from tests.strategies import normal

NAMES, KINDS = ("s:bm25", "e:near", "e:share"), ("static", "evidence", "evidence")
WEIGHTS = np.array([0.2, 1.5, 0.0])
STATIC = np.array([0.4, 0.0, 0.0])


def filled(n: int, helpful: float) -> Ledger:
    """Lists on which e:near points at the used memory with probability `helpful`."""
    ledger, rng = Ledger(NAMES, KINDS), np.random.default_rng(1)
    for i in range(n):
        rows, outcomes = normal(i, 10, 3), np.zeros(10, dtype=np.float32)
        outcomes[rng.integers(10)] = 1
        rows[:, 1] = 0
        pointed = np.argmax(outcomes) if rng.random() < helpful else rng.integers(10)
        rows[pointed, 1] = 2
        ledger.update(rows, outcomes, WEIGHTS, STATIC, overlap=i % 4 == 0)
    return ledger


@pytest.mark.parametrize("measure", MEASURES)
def test_it_proves_a_component_that_helps(measure: str) -> None:
    line = filled(400, 0.9).lift("e:near", measure=measure)
    assert line.n == 400
    assert 0 < line.lower < line.mean < line.upper


def test_it_proves_a_component_that_harms() -> None:
    line = filled(600, 0.0).lift("e:near")
    assert line.upper < 0


def test_a_component_without_weight_is_worth_nothing() -> None:
    line = filled(200, 0.5).lift("e:share")
    assert line.mean == 0
    assert line.lower < 0 < line.upper


def test_evidence_off_equals_leaving_out_the_only_one_that_weighs() -> None:
    ledger = filled(100, 0.7)
    near, off = ledger.lift("e:near"), ledger.lift(ALL_EVIDENCE)
    assert (near.mean, near.lower, near.upper) == (off.mean, off.lower, off.upper)
    assert ledger.lift(STATIC_WEIGHTS).mean != off.mean


def test_a_component_that_brings_what_helps_into_the_list_is_worth_something() -> None:
    """Among the shown all have the same e:near; those below, which do not help, have none."""
    blind, seeing, rng = Ledger(NAMES, KINDS), Ledger(NAMES, KINDS), np.random.default_rng(2)
    for i in range(300):
        rows, runners = np.zeros((10, 3), np.float32), np.zeros((5, 3), np.float32)
        rows[:, 1], rows[:, 0] = 2, normal(i, 10)
        runners[:, 0] = 5 + normal(i + 1000, 5)
        outcomes = (rng.random(10) < 0.4).astype(np.float32)
        blind.update(rows, outcomes, WEIGHTS, STATIC, overlap=False)
        seeing.update(rows, outcomes, WEIGHTS, STATIC, overlap=False, runners=runners)
    assert blind.lift("e:near", measure="ndcg").mean == 0
    assert seeing.lift("e:near", measure="ndcg").lower > 0.1
    for measure in ("log_loss", "reciprocal_rank"):
        assert seeing.lift("e:near", measure=measure) == blind.lift("e:near", measure=measure)


def test_overlap_and_no_overlap_are_kept_apart() -> None:
    ledger = filled(100, 0.7)
    counts = {part: ledger.lift("e:near", part).n for part in PARTS}
    assert counts == {"all": 100, "overlap": 25, "no overlap": 75}
    means = {part: ledger.lift("e:near", part).mean for part in PARTS}
    assert means["all"] == pytest.approx(0.25 * means["overlap"] + 0.75 * means["no overlap"])


def test_lists_without_success_are_left_out() -> None:
    ledger = Ledger(NAMES, KINDS)
    ledger.update(normal(0, 5, 3), np.zeros(5, dtype=np.float32), WEIGHTS, STATIC, True)
    line = ledger.lift("e:near")
    assert (line.n, line.lower, line.upper) == (0, -2, 2)
    assert np.isnan(line.mean)


def test_the_report_has_every_line_and_survives_a_snapshot() -> None:
    ledger, again = filled(30, 0.7), Ledger(NAMES, KINDS)
    again.load(ledger.state())
    assert again.report() == ledger.report()
    assert len(ledger.report()) == (len(NAMES) + 2) * len(PARTS) * len(MEASURES)
    with pytest.raises(ShapeError):
        Ledger(NAMES[:2], KINDS[:2]).load(ledger.state())
    with pytest.raises(ConfigError):
        ledger.lift("e:unknown")
    with pytest.raises(ConfigError):
        Ledger(NAMES, KINDS, alpha=1.0)


def test_a_new_component_begins_empty_and_leaves_the_others_alone() -> None:
    ledger = filled(20, 0.7)
    before = [line for line in ledger.report() if line.component != "x:new"]
    ledger.add_column("x:new", "static")
    after = [line for line in ledger.report() if line.component != "x:new"]
    assert after == before
    assert ledger.lift("x:new").n == 0
