from __future__ import annotations

import numpy as np

from engrain.fabric.som import SelfOrganizingMap
from engrain.kernels import accumulate_som, best_som_units, train_som_online


class Som17x17:
    """A 17 x 17 map of 512 features: online per 1000 inputs, batch per epoch of 10 000."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((10_000, 512)).astype(np.float32)
        self.weights = rng.standard_normal((289, 512)).astype(np.float32)
        # A whole course of cooling down, as in a training of 1000 inputs.
        self.rate = np.geomspace(0.5, 0.01, 1000).astype(np.float32)
        self.sigma = np.geomspace(8.5, 0.5, 1000).astype(np.float32)
        places = np.stack(np.meshgrid(np.arange(17), np.arange(17), indexing="ij"), -1)
        places = places.reshape(-1, 2)
        self.squares = ((places[:, None] - places) ** 2).sum(-1)

    def time_train_som_online(self):
        train_som_online(self.x[:1000], self.weights, (17, 17, 1), self.rate, self.sigma)

    def time_numpy_online(self):
        for row, rate, sigma in zip(self.x, self.rate, self.sigma, strict=False):
            best = ((self.weights - row) ** 2).sum(1).argmin()
            h = rate * np.exp(self.squares[best] / np.float32(-2 * sigma**2))
            self.weights += h[:, None] * (row - self.weights)

    def time_batch_epoch(self):
        best, _ = best_som_units(self.x @ self.weights.T, (self.weights**2).sum(1))
        sums, counts = accumulate_som(self.x, best, 289)
        h = np.exp(self.squares / -18.0)
        h @ sums / (h @ counts)[:, None]


class Digits:
    """The quality of the 13 x 13 map of the digits of scikit-learn."""

    def setup(self):
        from sklearn.datasets import load_digits

        self.x = load_digits().data.astype(np.float32) / 16

    def time_fit(self):
        SelfOrganizingMap((13, 13)).fit(self.x)

    def track_quantization_error(self):
        return SelfOrganizingMap((13, 13)).fit(self.x).quantization_error_

    def track_topographic_error(self):
        return SelfOrganizingMap((13, 13)).fit(self.x).topographic_error_
