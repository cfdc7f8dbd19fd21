"""What learning is worth on real questions: the bars that the ranking must hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F64Array, I64Array
from tests.memory.streams import Asked, Stream, ask_all, judged_folds

NOISY, PERFECT = (0.7, 0.05), (1.0, 0.0)


@pytest.fixture(scope="module")
def locomo(data: Path) -> list[Asked]:
    return ask_all(data / "mem_locomo_dev", adversarial=False)


def second_half(lifts: F64Array) -> float:
    return float(lifts[len(lifts) // 2 :].mean())


@pytest.mark.parametrize(("name", "bar"), [("ret_cranfield", 0.06), ("ret_cisi", 0.03)])
def test_judgments_lift_new_questions(data: Path, name: str, bar: float) -> None:
    assert judged_folds(ask_all(data / name)).learned.mean() >= bar


def test_judgments_lift_conversations_and_what_was_never_rewarded(locomo: list[Asked]) -> None:
    folds = judged_folds(locomo)
    assert folds.learned.mean() >= 0.08
    assert folds.learned[~folds.overlap].mean() >= 0.03
    assert folds.learned.mean() > folds.static_weights.mean()


def test_judgments_lift_a_large_collection(data: Path) -> None:
    asked = ask_all(data / "ret_nfcorpus")
    folds = judged_folds(asked, tested=1)
    assert folds.learned.mean() >= 0.14
    assert folds.learned.mean() - folds.static_weights.mean() >= 0.1


@pytest.mark.parametrize(
    ("name", "orders", "bar", "repeat"),
    [("ret_cranfield", 2, 0.0, 0.10), ("ret_cisi", 6, -0.01, 0.06)],
)
def test_noisy_clicks_do_no_harm_and_repeats_gain(
    data: Path, name: str, orders: int, bar: float, repeat: float
) -> None:
    asked = ask_all(data / name)
    first, again = [], []
    for seed in range(1, orders + 1):
        stream = Stream(asked, clicks=NOISY, seed=seed)
        first.append(second_half(stream.run()))
        again.append(stream.run().mean())
    assert np.mean(first) >= bar
    assert np.mean(again) >= repeat


def test_noisy_clicks_lift_conversations(locomo: list[Asked]) -> None:
    stream = Stream(locomo, clicks=NOISY, seed=1)
    assert second_half(stream.run()) >= 0.0
    assert stream.run().mean() >= 0.14


def test_noisy_clicks_do_no_harm_to_a_large_collection(data: Path) -> None:
    stream = Stream(ask_all(data / "ret_nfcorpus", most=900), clicks=NOISY, seed=1)
    assert second_half(stream.run()) >= 0.0


@pytest.mark.parametrize(("clicks", "bar"), [(PERFECT, 0.15), (NOISY, 0.09)])
def test_requests_in_other_words_gain(data: Path, clicks: tuple[float, float], bar: float) -> None:
    stream = Stream(ask_all(data / "reuse_clinc150", most=2000), clicks=clicks, seed=1)
    assert second_half(stream.run()) >= bar


class Attacked(Stream):
    """After one honest request in ten, the attacker asks the same and praises its memory.

    It may credit that memory even where it was not shown, which is more than `Memory` allows.
    """

    def __init__(self, asked: list[Asked], principals: int, seed: int) -> None:
        super().__init__(asked, clicks=NOISY, seed=seed)
        self.attacker = np.random.default_rng(seed + 1)
        self.principals, self.praises = principals, 0
        tops = {a.search.scope: a.search.top(10**6) for a in asked}
        self.praised = {s: int(np.sort(tops[s])[len(tops[s]) // 3]) for s in sorted(tops)}
        self.top5: list[tuple[float, bool]] = []

    def measure(self, asked: Asked, shown: I64Array) -> None:
        target = self.praised[asked.search.scope]
        recall = float(np.isin(asked.answers, shown[:5]).mean())
        self.top5.append((recall, target in shown[:5] and target not in asked.answers))

    def request(self, asked: Asked) -> float:
        lift = super().request(asked)
        if self.principals and self.attacker.random() < 0.1:
            rows, shown = self.show(asked)
            target = self.praised[asked.search.scope]
            name = f"attacker {self.praises % self.principals}"
            self.praises += 1
            self.learn(asked, shown, rows, (shown == target).astype(np.float32), name)
            if target not in shown:
                self.credit(asked, np.array([target]), np.ones(1, dtype=np.float32), name)
        return lift


def test_praise_by_many_fresh_principals_moves_no_ranking(locomo: list[Asked]) -> None:
    changes = []
    for seed in (1, 2):
        figures = {}
        for principals in (0, 1000):
            stream = Attacked(locomo, principals, seed)
            stream.run()
            half = np.array(stream.top5[len(stream.top5) // 2 :])
            figures[principals] = 100 * half.mean(0)
        changes.append(figures[1000] - figures[0])
    recall, share = np.mean(changes, axis=0)
    assert share <= 1.0
    assert recall >= -0.5
