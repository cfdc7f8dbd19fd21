from __future__ import annotations

from pathlib import Path

import pytest

from engrain.evaluation.agreement import Line, compare, pooled, table
from engrain.evaluation.datasets import load_dataset
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.memory.ledger import Lift
from tests.evaluation.worlds import make_world


def test_lines_are_decided_by_their_interval_and_agree_by_sign() -> None:
    line = Line("x:diff", 0.01, (0.002, 0.02), -0.001, 200)
    assert line.decided
    assert not line.agrees
    assert not Line("x:diff", 0.01, (-0.002, 0.02), 0.001, 200).decided
    text = "\n".join(table([line, Line("e:near", -0.02, (-0.03, -0.01), -0.01, 200)]))
    assert "other sign" in text
    assert text.endswith("1 of 2 agree")


def test_ledgers_are_pooled_by_their_lists() -> None:
    def line(n: int, mean: float, part: str = "all", measure: str = "ndcg") -> Lift:
        return Lift("e:near", part, measure, n, mean, -1.0, 1.0)

    lines = [line(10, 0.1), line(30, 0.3), line(5, 9.0, "overlap"), line(5, 9.0, "all", "log_loss")]
    mean, n = pooled([*lines, line(0, float("nan"))])["e:near"]
    assert mean == pytest.approx(0.25)
    assert n == 40


def test_a_stream_is_told_from_outside_and_live() -> None:
    lines = compare(make_world(conversations=2), Options(protocol="prequential"))
    assert {line.n for line in lines} <= set(range(100, 193))
    assert any(line.decided and line.agrees for line in lines)


@pytest.mark.parametrize("clicks", ["perfect", "noisy"])
@pytest.mark.parametrize(
    ("name", "seed", "least"),
    [("mem_locomo_dev", 1, 8), ("ret_cranfield", 1, 2), ("ret_cranfield", 3, 3)],
)
def test_the_ledger_agrees_with_the_ablation_on_real_data(
    data: Path, name: str, seed: int, least: int, clicks: str
) -> None:
    options = Options(
        protocol="prequential",
        prior=LEAVE_OUT,
        exclude_adversarial=True,
        clicks=clicks,  # type: ignore[arg-type]
        seed=seed,
    )
    decided = [line for line in compare(load_dataset(data / name), options) if line.decided]
    assert len(decided) >= least
    assert [line.name for line in decided if not line.agrees] == []
