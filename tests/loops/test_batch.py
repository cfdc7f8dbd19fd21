from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.base.errors import NonFiniteError, ShapeError
from engrain.loops import LearningSignal, SignalBatch
from tests.loops.batches import planted
from tests.strategies import normal

DIM = 8


def test_records_become_columns_and_a_persons_word_stands_above_the_estimate() -> None:
    x = normal(0, 2, DIM)
    signals = [
        LearningSignal(x[0], 0.9, None, 2.0, 4),
        LearningSignal(x[1], 0.9, 0.1, 0.5, 1),
    ]
    batch = SignalBatch.of(signals)
    np.testing.assert_array_equal(batch.queries, x)
    np.testing.assert_allclose(batch.outcomes, [0.9, 0.1])
    np.testing.assert_array_equal(batch.latency_ratios, [2.0, 0.5])
    np.testing.assert_array_equal(batch.models, [4, 1])
    assert not batch.directions.any()
    assert SignalBatch.of(signals, x).directions is x


def test_batches_join_part_and_restore() -> None:
    first, second = planted(0, 5, DIM), planted(1, 3, DIM)
    both = SignalBatch.joined([first, SignalBatch.empty(DIM), second])
    assert len(both) == 8
    np.testing.assert_array_equal(both.rows(slice(5, None)).queries, second.queries)
    restored = SignalBatch.load(both.state())
    np.testing.assert_array_equal(restored.outcomes, both.outcomes)


def test_columns_that_do_not_fit_and_values_that_are_none_are_refused() -> None:
    batch = planted(0, 5, DIM)
    with pytest.raises(ShapeError):
        replace(batch, outcomes=batch.outcomes[1:])
    with pytest.raises(NonFiniteError):
        replace(batch, directions=np.full_like(batch.directions, np.nan))
