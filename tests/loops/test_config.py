from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engrain.base.errors import ConfigError
from engrain.loops import BackgroundLearningConfig, DeepLearningConfig


@pytest.mark.parametrize("name", ["min_samples", "batch_size", "num_clusters", "fisher_samples"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_counts_are_whole_and_positive(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        BackgroundLearningConfig(**{name: value})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_rates_are_positive_and_finite(value: float) -> None:
    with pytest.raises(ConfigError, match="learning_rate"):
        BackgroundLearningConfig(learning_rate=value)
    with pytest.raises(ConfigError, match="creativity_temperature"):
        DeepLearningConfig(creativity_temperature=value)


def test_no_penalty_is_allowed_and_a_negative_one_is_not() -> None:
    assert BackgroundLearningConfig(ewc_lambda=0.0).ewc_lambda == 0.0
    with pytest.raises(ConfigError, match="ewc_lambda"):
        BackgroundLearningConfig(ewc_lambda=-1.0)


def test_a_folder_may_be_given_as_text() -> None:
    folder: Any = "state/loops"
    assert BackgroundLearningConfig(checkpoint_dir=folder).checkpoint_dir == Path("state/loops")
