from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engrain.base.errors import SnapshotError
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.self_supervised import ImplicitCredit


def test_credit_separates_used_from_unused_on_a_planted_stream() -> None:
    rng = np.random.default_rng(0)
    memories = rng.standard_normal((200, 64))
    credit, used, given = ImplicitCredit(), [], []
    for _ in range(300):
        topic = rng.standard_normal(64)
        shown = rng.choice(200, 8, replace=False)
        vectors = memories[shown] + 1.5 * topic
        chosen = rng.choice(8, 2, replace=False)
        answer = vectors[chosen].mean(axis=0) + 1.2 * rng.standard_normal(64)
        given += credit.credit(shown.tolist(), vectors, answer).tolist()
        used += [i in chosen for i in range(8)]
    area = roc_auc_score(used, given)
    print(f"used against shown-unused: AUC {area:.3f}")
    assert area >= 0.8
    assert np.mean(np.array(given)[np.array(used)]) > 0 > np.mean(np.array(given)[~np.array(used)])


def test_citations_decide_and_skipped_memories_lose() -> None:
    credit = ImplicitCredit().credit(["a", "b", "c"], np.eye(3), [0.0, 0.0, 1.0], cited=["b"])
    np.testing.assert_allclose(credit, [-1.0, 1.0, 0.0])


def test_memories_used_together_lift_each_other() -> None:
    credit = ImplicitCredit(companion=0.5)
    for _ in range(20):
        credit.credit(["a", "b", "c"], np.eye(3), [1.0, 1.0, 0.0])
    assert credit.companionship("a", ["b"]) > 0.8
    assert credit.companionship("a", ["c"]) == 0.0


def test_the_cap_on_pairs_holds() -> None:
    credit = ImplicitCredit(max_pairs=10)
    for i in range(100):
        credit.credit([i, i + 1000], np.eye(2), [1.0, 1.0], cited=[i])
    assert len(credit) == 10


def test_bad_input_is_refused() -> None:
    credit = ImplicitCredit()
    with pytest.raises(ValueError, match="memories"):
        credit.credit(["a"], np.eye(2), [1.0, 0.0])
    with pytest.raises(ValueError, match="NaN"):
        credit.credit(["a"], [[np.nan, 0.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match="temperature"):
        ImplicitCredit(temperature=0.0)
    assert credit.credit([], np.zeros((0, 2)), [1.0, 0.0]).shape == (0,)


def test_saved_credit_continues_bit_for_bit(tmp_path: Path) -> None:
    first, second = ImplicitCredit(max_pairs=20), ImplicitCredit(max_pairs=20)
    rng = np.random.default_rng(0)
    for i in range(100):
        if i == 50:
            save_checkpoint(tmp_path / "c", {"credit": first})
            load_checkpoint(tmp_path / "c", {"credit": second})
        shown = [int(n) for n in rng.choice(12, 4, replace=False)]
        rows, answer = rng.standard_normal((4, 8)), rng.standard_normal(8)
        given = first.credit(shown, rows, answer)
        if i >= 50:
            np.testing.assert_array_equal(second.credit(shown, rows, answer), given)
    with pytest.raises(SnapshotError, match="credit"):
        ImplicitCredit(max_pairs=1).load(first.state())
