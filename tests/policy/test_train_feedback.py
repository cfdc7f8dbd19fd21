from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.policy import feedback_corpora as corpora
from engrain.policy.feedback_corpora import Example
from engrain.policy.feedback_model import FeedbackModel
from engrain.policy.feedback_text import KINDS
from engrain.policy.train_feedback import (
    MANY,
    average_precision,
    cross_validated,
    fit,
    main,
    measure,
)


def test_training_learns_what_the_table_does_not_know() -> None:
    said = [("the parcel came", "positive"), ("the parcel vanished", "negative")]
    examples = [Example(text, "", frozenset({kind}), "c") for text, kind in said * 20]
    examples += [Example("the parcel is blue", "", frozenset(), "c")] * 20
    before, after = FeedbackModel(), fit(examples)
    for text, kind in said:
        place = KINDS.index(kind)
        assert before.score(text).probabilities[place] < 0.1
        assert after.score(text).probabilities[place] > 0.8
    assert max(after.score("the parcel is blue").probabilities) < 0.3


def test_average_precision_counts_ties_against_us() -> None:
    relevant = np.array([True, False, False, True])
    assert average_precision(relevant, np.array([3.0, 2.0, 1.0, 0.0])) == pytest.approx(0.75)
    assert average_precision(relevant, np.zeros(4)) == pytest.approx((1 / 3 + 2 / 4) / 2)


@pytest.mark.slow
@pytest.mark.parametrize("folds", [1, 5])
def test_held_out_meetings_reach_the_bars(data: Path, folds: int) -> None:
    meetings = corpora.meetings(data)
    if folds == 1:
        train, held = corpora.split_conversations(meetings)
        found = measure(fit(train, **MANY), held)
    else:
        found = cross_validated(meetings, **MANY)
    assert found["negative"] >= 0.65
    assert found["positive"] >= 0.60
    assert found["confusion"] >= 0.28


def test_the_command_prints_and_writes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "feedback_reactions_ukp").symlink_to(data / "feedback_reactions_ukp")
    main([str(tmp_path), "--out", str(tmp_path / "weights")])
    assert "reactions (UKP), 5-fold" in capsys.readouterr().out
    assert FeedbackModel.from_bytes((tmp_path / "weights").read_bytes()).codes.any()
