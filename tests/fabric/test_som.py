from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from engrain.base.errors import ConfigError
from engrain.fabric.som import SelfOrganizingMap


def digits() -> np.ndarray:
    return np.asarray(load_digits().data, dtype=np.float32) / 16


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_is_a_scikit_learn_estimator() -> None:
    check_estimator(SelfOrganizingMap((3, 3), n_epochs=3))


def test_batch_map_of_digits_is_fine_and_ordered() -> None:
    som = SelfOrganizingMap((13, 13)).fit(digits())
    assert som.quantization_error_ <= 1.09
    assert som.topographic_error_ <= 0.09
    assert som.get_training_status()["trained"]


def test_online_map_of_digits_learns_and_stays_in_the_hull() -> None:
    x = digits()
    som = SelfOrganizingMap((13, 13), mode="online", n_epochs=10, random_state=0).fit(x)
    assert som.quantization_error_ < 1.3
    assert som.weights_.min() >= x.min() - 1e-6
    assert som.weights_.max() <= x.max() + 1e-6


@pytest.mark.parametrize("rate", [0.01, 1.0])
@pytest.mark.parametrize("sigma", [0.1, 30.0])
def test_a_million_inputs_do_not_make_it_diverge(rate: float, sigma: float) -> None:
    rng = np.random.default_rng(0)
    som = SelfOrganizingMap(
        (4, 4), learning_rate=rate, final_learning_rate=rate, sigma_start=sigma, sigma_end=sigma
    )
    for _ in range(10):
        som.partial_fit(rng.uniform(-3, 5, (100_000, 2)).astype(np.float32))
    assert som.n_seen_ == 1_000_000
    assert som.weights_.min() >= -3.0001
    assert som.weights_.max() <= 5.0001


def test_three_dimensions_keep_the_order_of_a_cube() -> None:
    x = np.random.default_rng(0).random((2000, 3))
    flat = SelfOrganizingMap((8, 8)).fit(x)
    cube = SelfOrganizingMap((4, 4, 4)).fit(x)
    assert cube.quantization_error_ < flat.quantization_error_
    assert cube.topographic_error_ < 0.05


def test_inference_changes_nothing() -> None:
    x = digits()[:200]
    som = SelfOrganizingMap((5, 5)).fit(x)
    before = som.weights_.copy(), som.hits_.copy()
    activation = som.get_activation_map(x.reshape(10, 20, 64))
    som.predict(x), som.transform(x), som.errors(x)
    assert activation.shape == (5, 5)
    assert activation.max() <= 1
    assert np.array_equal(before[0], som.weights_)
    assert np.array_equal(before[1], som.hits_)


def test_status_before_training_and_unreasonable_settings() -> None:
    assert SelfOrganizingMap().get_training_status()["recent_quant_error"] == math.inf
    for settings in ({"learning_rate": 1.5}, {"sigma_end": 0.0}, {"mode": "both"}):
        with pytest.raises(ConfigError):
            SelfOrganizingMap(**settings).fit(digits()[:20])
    with pytest.raises(ConfigError, match="map_size"):
        SelfOrganizingMap((1, 1)).fit(digits()[:20])


def test_digits_of_the_data_folder_give_the_same_map(data: Path) -> None:
    with np.load(data / "cl_digits8x8" / "digits.npz") as file:
        x = file["X"].astype(np.float32) / 16
    assert SelfOrganizingMap((13, 13)).fit(x).quantization_error_ <= 1.09
