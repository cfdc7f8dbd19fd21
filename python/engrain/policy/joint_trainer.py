"""Training of all four nets from labelled samples, with shared gradients through the encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from engrain.base.errors import ConfigError
from engrain.policy.confidence_estimator import ConfidenceEstimator, score_features
from engrain.policy.losses import confidence_loss, contrastive_loss, imitation_loss
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.nets import mode
from engrain.policy.situation_encoder import SituationEncoder
from engrain.policy.strategy_selector import StrategyRegistry, StrategySelector
from engrain.policy.training_batch import Batch, TrainingSample, join, read_sample
from engrain.policy.training_metrics import (
    LOSSES,
    BestWeights,
    JointTrainingMetrics,
    mean_losses,
)

__all__ = ["Batch", "JointTrainer", "JointTrainingMetrics", "TrainingSample"]

SPLIT_FROM = 50  # samples; fewer are too few to hold any out


class JointTrainer:
    """Trains encoder, gate, selector and estimator together.

    The loss is ``w1 memory + w2 strategy + w3 confidence``: listwise contrastive, cross-entropy,
    and a proper score with calibration. Adam over mini-batches, learning rate on a cosine from `lr`
    to a tenth of it at the end of training, gradients clipped, the gate kept in its ball.

    Parameters
    ----------
    encoder, gate, selector, estimator : the nets
    registry : StrategyRegistry
    lr : float
    batch_size : int
    memory_weight, strategy_weight, confidence_weight : float
    max_grad_norm : float
    seed : int
        Of shuffling and dropout.

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    def __init__(
        self,
        encoder: SituationEncoder,
        gate: MemoryGate,
        selector: StrategySelector,
        estimator: ConfidenceEstimator,
        registry: StrategyRegistry,
        lr: float = 3e-3,
        *,
        batch_size: int = 32,
        memory_weight: float = 1.0,
        strategy_weight: float = 1.0,
        confidence_weight: float = 0.5,
        max_grad_norm: float = 1.0,
        seed: int = 0,
    ) -> None:
        if lr <= 0 or batch_size < 1 or max_grad_norm <= 0:
            raise ConfigError(
                "expected a positive lr, batch_size and max_grad_norm, got "
                f"{lr}, {batch_size}, {max_grad_norm}"
            )
        self.encoder, self.gate, self.selector, self.estimator = encoder, gate, selector, estimator
        self.registry, self.lr, self.batch_size = registry, lr, batch_size
        self.weights = dict(
            zip(LOSSES, (memory_weight, strategy_weight, confidence_weight), strict=True)
        )
        self.max_grad_norm, self.seed = max_grad_norm, seed

    @property
    def nets(self) -> tuple[nn.Module, ...]:
        """The four nets in the order of the arguments."""
        return self.encoder, self.gate, self.selector, self.estimator

    def train(
        self,
        samples: Sequence[TrainingSample],
        epochs: int = 100,
        *,
        validation: Sequence[TrainingSample] | float | None = None,
        patience: int = 10,
    ) -> JointTrainingMetrics:
        """Train for up to `epochs`.

        Parameters
        ----------
        samples : sequence of TrainingSample
        epochs : int
        validation : sequence of TrainingSample or float, optional
            Samples to hold out, or their share. Default: a tenth from 50 samples on, else none.
        patience : int
            Stop after so many epochs without a better held-out loss; the best weights are kept.

        Raises
        ------
        ConfigError
            No samples, or no epochs.
        ShapeError, UnknownIdError
            A sample does not fit the nets; nothing was trained.
        """
        if not samples or epochs < 1:
            raise ConfigError(f"expected samples and epochs, got {len(samples)} and {epochs}")
        generator = torch.Generator().manual_seed(self.seed)
        train, held = self._split(samples, validation, generator)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return self._run(train, held, epochs, patience, generator)

    def _split(
        self,
        samples: Sequence[TrainingSample],
        validation: Sequence[TrainingSample] | float | None,
        generator: torch.Generator,
    ) -> tuple[Batch, Batch | None]:
        if validation is None:
            validation = 0.1 if len(samples) >= SPLIT_FROM else 0.0
        if not isinstance(validation, float):
            return self.collate(samples), self.collate(validation)
        count = int(validation * len(samples))
        order = torch.randperm(len(samples), generator=generator).tolist()
        held = [samples[i] for i in order[:count]]
        kept = [samples[i] for i in order[count:]]
        return self.collate(kept), self.collate(held) if held else None

    def _run(
        self,
        train: Batch,
        held: Batch | None,
        epochs: int,
        patience: int,
        generator: torch.Generator,
    ) -> JointTrainingMetrics:
        parameters = [p for net in self.nets for p in net.parameters()]
        optimizer = torch.optim.Adam(parameters, lr=self.lr, fused=True)
        steps = -(-len(train.outcome) // self.batch_size) * epochs
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, steps, eta_min=0.1 * self.lr
        )
        metrics = JointTrainingMetrics([self.evaluate(train)])
        best = BestWeights(self.nets, self.evaluate(held) if held is not None else None, metrics)
        for _ in range(epochs):
            steps_taken = []
            with mode(True, *self.nets):
                for batch in self._batches(train, generator):
                    steps_taken.append(self._step(batch, optimizer, parameters))
                    schedule.step()
            metrics.history.append(mean_losses(steps_taken))
            if held is not None and best.is_stale(self.evaluate(held), patience):
                break
        best.restore()
        metrics.history[-1] = self.evaluate(train)
        return metrics

    def _batches(self, train: Batch, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(train.outcome), generator=generator)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield Batch(*(part[rows] for part in train))

    def _step(
        self, batch: Batch, optimizer: torch.optim.Optimizer, parameters: list[Any]
    ) -> dict[str, float]:
        optimizer.zero_grad(set_to_none=True)
        losses = self.losses(batch)
        total = self.total(losses)
        torch.autograd.backward(total)
        nn.utils.clip_grad_norm_(parameters, self.max_grad_norm)
        optimizer.step()
        self.gate.project()
        return _floats(total, losses)

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Return the weighted sum of the losses."""
        return torch.stack([self.weights[name] * losses[name] for name in LOSSES]).sum()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return each loss of a batch with gradients."""
        situation = self.encoder(batch.message, batch.history, batch.metadata)
        scores = self.gate(situation, batch.memories)
        context = score_features(scores.detach(), batch.mask)
        return {
            "memory": contrastive_loss(scores / self.gate.temperature, batch.relevant, batch.mask),
            "strategy": imitation_loss(self.selector(situation), batch.strategy),
            "confidence": confidence_loss(self.estimator(situation, context), batch.outcome),
        }

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> dict[str, float]:
        """Return each loss and the total without dropout."""
        with mode(False, *self.nets):
            losses = self.losses(batch)
        return _floats(self.total(losses), losses)

    def collate(self, samples: Sequence[TrainingSample]) -> Batch:
        """Return samples as one batch of tensors."""
        widths = self.encoder.text_dim, self.gate.memory_dim
        return join([read_sample(sample, *widths, self.registry) for sample in samples])


def _floats(total: Tensor, losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {"total": float(total.detach())} | {k: float(v.detach()) for k, v in losses.items()}
