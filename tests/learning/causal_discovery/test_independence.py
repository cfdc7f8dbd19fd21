from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.causal_discovery import (
    DiscreteStatistics,
    FisherZ,
    GaussianStatistics,
    GSquare,
)


@pytest.mark.filterwarnings("ignore")
def test_p_values_are_those_of_causal_learn() -> None:
    cit = pytest.importorskip("causallearn.utils.cit")
    rng = np.random.default_rng(3)
    real = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 5))
    values = rng.integers(0, 3, (200, 5))
    values[:, 4] = (values[:, 0] + values[:, 1]) // 2
    gaussian, discrete = GaussianStatistics(5), DiscreteStatistics([3] * 5)
    gaussian.update(real)
    discrete.update(values)
    z, g = cit.CIT(real, "fisherz"), cit.CIT(values, "gsq")
    for given in ((), (2,), (2, 3)):
        assert FisherZ(gaussian)(0, 1, given) == pytest.approx(z(0, 1, given), abs=1e-12)
        for pair in ((0, 4), (0, 1)):
            assert GSquare(discrete)(*pair, given) == pytest.approx(g(*pair, given), abs=1e-10)


def test_the_test_keeps_its_level() -> None:
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(400):
        statistics = GaussianStatistics(3)
        common = rng.standard_normal((100, 1))
        statistics.update(np.hstack([common, common + rng.standard_normal((100, 2))]))
        p_values.append(FisherZ(statistics)(1, 2, (0,)))
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_too_few_rows_reject_nothing() -> None:
    statistics = GaussianStatistics(3)
    statistics.update(np.eye(3))
    assert FisherZ(statistics)(0, 1, (2,)) == 1.0
    discrete = DiscreteStatistics([2, 2])
    discrete.update([0, 0])
    assert GSquare(discrete)(0, 1) == 1.0
