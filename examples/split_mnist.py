"""Learn ten digits two classes at a time, and forget as little as a buffer of 200 images allows.

Usage: python examples/split_mnist.py [FILE.npz]

FILE holds X (images) and y (labels), the first eight of ten for training; without it the 8 x 8
digits of scikit-learn are used. Class-incremental: the net of 784-256-10 units is never told which
pair of classes an image comes from. Columns: naive training, the elastic penalty alone, replay
alone, and both, with the exact Fisher information of the layers and the penalty's implicit step.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch.nn import functional

from engrain.kernels import linear_fisher
from engrain.loops import EWCPlusPlusState

HIDDEN, CLASSES, BUFFER, BATCH, EPOCHS, RATE, SEEDS = 256, 10, 200, 32, 3, 0.05, 3
METHODS = {
    "naive": (0.0, False),
    "EWC only": (100.0, False),
    "replay only": (0.0, True),
    "EWC + replay": (3.0, True),
}


def images(path: str | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images in [0, 1], one per row, and labels."""
    if path is None:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x, y = digits.data / 16.0, digits.target
    else:
        with np.load(path) as found:
            x, y = found["X"].reshape(len(found["X"]), -1) / 255.0, found["y"]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y.astype(np.int64))


class Learner:
    """A net of one hidden layer with what it protects and what it replays."""

    def __init__(self, inputs: int, strength: float, replays: bool, seed: int) -> None:
        torch.manual_seed(seed)
        self.net = torch.nn.Sequential(
            torch.nn.Linear(inputs, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES)
        )
        self.step = torch.optim.SGD(self.net.parameters(), lr=RATE, momentum=0.9)
        self.ewc = EWCPlusPlusState(len(self.weights()), gamma=1.0)
        self.strength, self.replays = strength, replays
        self.x, self.y = torch.empty(0, inputs), torch.empty(0, dtype=torch.int64)

    def weights(self) -> np.ndarray:
        return torch.nn.utils.parameters_to_vector(self.net.parameters()).detach().numpy()

    def learn(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Keep some images of a pair of classes, learn it, and note which weights matter."""
        self.keep(x, y)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x)).split(BATCH):
                self.step.zero_grad()
                self.loss(x[rows], y[rows]).backward()
                self.step.step()
                self.pull()
        self.ewc.update_fisher(self.fisher(x), self.weights())

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the loss of new images and, with replay, of as many kept ones.

        New images then compete among their own classes alone, so that learning them does not push
        down the classes of before (Caccia et al. 2022).
        """
        logits = self.net(x)
        if not self.replays:
            return functional.cross_entropy(logits, y)
        present = torch.zeros(CLASSES, dtype=torch.bool)
        present[y.unique()] = True
        new = functional.cross_entropy(logits.masked_fill(~present, -1e9), y)
        rows = torch.randint(len(self.x), (2 * BATCH,))
        return new + functional.cross_entropy(self.net(self.x[rows]), self.y[rows])

    def pull(self) -> None:
        """Move the weights toward the anchor: w <- (w + s w*) / (1 + s), s = rate lambda F."""
        if not self.strength or not self.ewc.fisher.any():
            return
        s = RATE * self.strength * self.ewc.fisher
        moved = (self.weights() + s * self.ewc.anchor) / (1.0 + s)
        flat = torch.from_numpy(moved.astype(np.float32))
        torch.nn.utils.vector_to_parameters(flat, self.net.parameters())

    def fisher(self, x: torch.Tensor) -> np.ndarray:
        """Return the exact diagonal Fisher information over the net's own outcomes.

        The deltas of class c, weighted by the root of its probability, are what an outcome c
        would have sent back; each layer's squares are one matrix product.
        """
        with torch.no_grad():
            hidden = self.net[:2](x)
            odds = functional.softmax(self.net[2](hidden), dim=1)
            total = np.zeros(len(self.weights()))
            for c in range(CLASSES):
                delta = (odds - functional.one_hot(torch.tensor(c), CLASSES)) * odds[
                    :, c : c + 1
                ].sqrt()
                back = (delta @ self.net[2].weight) * (hidden > 0)
                layers = ((x, back), (hidden, delta))
                total += np.concatenate([part for a, d in layers for part in squares(a, d)])
        return total

    def keep(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Keep `BUFFER` images, as many of each class seen."""
        x, y = torch.cat([self.x, x]), torch.cat([self.y, y])
        seen = y.unique()
        rows = torch.cat([(y == c).nonzero()[: BUFFER // len(seen), 0] for c in seen])
        self.x, self.y = x[rows], y[rows]

    def accuracy(self, x: torch.Tensor, y: torch.Tensor) -> float:
        with torch.no_grad():
            return float((self.net(x).argmax(1) == y).float().mean())


def squares(inputs: torch.Tensor, deltas: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the Fisher information of a layer's weights and of its bias."""
    weight = linear_fisher(inputs.numpy(), deltas.contiguous().numpy())
    return weight.ravel(), (deltas**2).mean(0).numpy()


def run(x: torch.Tensor, y: torch.Tensor, method: str, seed: int) -> tuple[float, float]:
    """Return the final accuracy on all ten classes, and the mean forgetting of the first eight."""
    cut = len(x) * 8 // 10
    learner, after = Learner(x.shape[1], *METHODS[method], seed), []

    def of(pair: range, images: slice) -> tuple[torch.Tensor, torch.Tensor]:
        held = (y[images] >= pair.start) & (y[images] < pair.stop)
        return x[images][held], y[images][held]

    pairs = [range(c, c + 2) for c in range(0, CLASSES, 2)]
    for pair in pairs:
        learner.learn(*of(pair, slice(cut)))
        after.append(learner.accuracy(*of(pair, slice(cut, None))))
    last = [learner.accuracy(*of(pair, slice(cut, None))) for pair in pairs]
    return learner.accuracy(x[cut:], y[cut:]), float(np.mean(np.subtract(after, last)[:-1]))


def main(path: str | None = None) -> dict[str, float]:
    torch.set_num_threads(1)
    x, y = images(path)
    print(f"{len(x):,} images, two classes at a time, buffer {BUFFER}, {SEEDS} seeds")
    found = {}
    for method in METHODS:
        results = np.array([run(x, y, method, seed) for seed in range(SEEDS)])
        found[method] = float(results[:, 0].mean())
        print(
            f"{method:<14} accuracy {found[method]:.3f} (sd {results[:, 0].std():.3f}), "
            f"forgetting {results[:, 1].mean():.3f}"
        )
    return found


if __name__ == "__main__":
    main(next((a for a in sys.argv[1:] if a.endswith(".npz")), None))
