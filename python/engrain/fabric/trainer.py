"""Training: 4-D convolution, nonlinearity, neurons, map."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError, ShapeError
from engrain.fabric.config import TrainingConfig
from engrain.fabric.distributed import average_gradients, share_parameters
from engrain.fabric.energy import BioSystem
from engrain.fabric.goals import Goals
from engrain.fabric.network import PredictiveNetwork
from engrain.fabric.neurons import NeuralFabric3D
from engrain.fabric.propagation import BidirectionalPropagator, Mode, mean_squared_error
from engrain.fabric.som import SelfOrganizingMap
from engrain.fabric.state import load_state, save_state
from engrain.fabric.trainer_state import pack, unpack

HISTORY = 10_000
ENERGY_FLOOR = 0.1
PASS_VOXELS = 4_000_000  # voxels whose activations one pass holds at most
RATE_SCALE = 100.0  # Hz that make 1 in the inputs of the map
DENDRITIC_GAIN, SOMATIC_GAIN = 2.0, 12.0  # mV per ms, uA/cm^2 at mean activity

Data = Tensor | npt.NDArray[Any]


class NeuralFabricTrainer:
    """Learns to predict the next frame of 4-D data, and maps what its neurons do.

    Each step runs Conv4D, `BiologicalNonlinearity`, `NeuralFabric3D` and `SelfOrganizingMap` in
    turn. The convolutions learn by gradients of the prediction error; their activity drives the
    neurons, whose rates the map learns.

    Parameters
    ----------
    config : TrainingConfig, optional
        Read at every step: changes act at once.
    goals : Goals, optional
    bio_system : BioSystem, optional

    Attributes
    ----------
    network : PredictiveNetwork
    neural_fabric : NeuralFabric3D
    som : SelfOrganizingMap
    bio_system : BioSystem
    goals : Goals
    loss_history : deque of float
        The last 10 000 losses.
    learning : bool
        Whether steps change anything.
    """

    def __init__(
        self,
        config: TrainingConfig | None = None,
        *,
        goals: Goals | None = None,
        bio_system: BioSystem | None = None,
    ) -> None:
        self.config = config or TrainingConfig()
        self.config.check()
        seed = self.config.seed
        self.generator = torch.Generator().manual_seed(seed)
        self.network = PredictiveNetwork(self.config.channels, self.generator)
        share_parameters(self.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.config.learning_rate)
        self.propagator = BidirectionalPropagator(
            list(self.network.layers), self._error, generator=self.generator
        )
        self.neural_fabric = NeuralFabric3D(
            self.config.spatial_dims, seed=seed, threads=torch.get_num_threads()
        )
        self.som = SelfOrganizingMap(self.config.som_map_size, random_state=seed)
        self.goals, self.bio_system = goals or Goals(), bio_system or BioSystem()
        self.loss_history: deque[float] = deque(maxlen=HISTORY)
        self.learning = True
        self.steps = self.epochs = 0

    def train_step(self, data: Data, mode: Mode | None = None) -> dict[str, Any]:
        """Learn from one batch and return what happened.

        Parameters
        ----------
        data : Tensor or ndarray, shape (batch, x, y, z, time, 1) or (batch, x, y, z, time)
            Time longer than the configured window is cut into windows.
        mode : {"normal", "random", "intentional", "bidirectional"}, optional
            How to propagate; None follows the schedule of the config.

        Returns
        -------
        dict
            loss (prediction error and coherence term; NaN when skipped), energy, learning_drive,
            mood, learning_rate, mode, skipped, and som_output (activation map, None when skipped).

        Raises
        ------
        ShapeError, NonFiniteError
            Before anything changes.
        """
        self.config.check()
        x = self._windows(data)
        modulators = self.bio_system.modulators(self.goals.unmet())
        if not self.learning or modulators["energy_gate"] <= ENERGY_FLOOR:
            if self.learning:
                self.bio_system.rest()
            return self._report(math.nan, modulators, mode, None)
        chosen = mode or self._scheduled()
        loss, hidden = self._descend(x, chosen, modulators["learning_drive"])
        output = self._map_activity(self._activate(hidden))
        self._take_note(loss, x)
        return self._report(loss, modulators, chosen, output)

    def predict(self, data: Data) -> Tensor:
        """Return the predicted next frame after each frame, shape (batch, x, y, z, time, 1)."""
        x = self._checked(data)
        with torch.no_grad():
            frames: Tensor = x + self.network(x)
        return frames.movedim(1, -1)

    def train(
        self,
        data_loader: Iterable[Data],
        epochs: int | None = None,
        *,
        checkpoint: str | Path | None = None,
        progress: bool = True,
    ) -> dict[str, Any]:
        """Train for some epochs, or until interrupted, and return a summary.

        Parameters
        ----------
        data_loader : iterable of batches
            Iterated once per epoch.
        epochs : int, optional
            None takes `max_epochs` of the config; where that is None too, training goes on until
            KeyboardInterrupt, which ends it in order.
        checkpoint : str or Path, optional
            Where to save the state at the end, interrupted or not.
        progress : bool
            Show a progress bar on a terminal.

        Returns
        -------
        dict
            epochs, steps, skipped, first_loss, last_loss, interrupted.
        """
        limit = self.config.max_epochs if epochs is None else epochs
        metrics: list[float] = []
        skipped, interrupted, before = 0, False, self.epochs
        try:
            while limit is None or self.epochs - before < limit:
                shown = tqdm(
                    data_loader, f"epoch {self.epochs}", disable=None if progress else True
                )
                for batch in shown:
                    step = self.train_step(batch)
                    skipped += step["skipped"]
                    if not step["skipped"]:
                        metrics = [*metrics[:1], step["loss"]]
                        shown.set_postfix(loss=step["loss"])
                self.epochs += 1
        except KeyboardInterrupt:
            interrupted = True
        if checkpoint is not None:
            self.save(checkpoint)
        return {
            "epochs": self.epochs - before, "steps": self.steps, "skipped": skipped,
            "first_loss": metrics[0] if metrics else math.nan,
            "last_loss": metrics[-1] if metrics else math.nan, "interrupted": interrupted,
        }  # fmt: skip

    def save(self, path: str | Path) -> Path:
        """Write the whole state beside `path` as .safetensors and .json; return the former."""
        return save_state(path, *pack(self))

    def load(self, path: str | Path) -> None:
        """Go on from a saved state, bit for bit.

        Raises
        ------
        SnapshotError
            Missing or damaged, or of another shape.
        """
        unpack(self, *load_state(path))

    def _checked(self, data: Data) -> Tensor:
        x = torch.as_tensor(data).to(torch.float32)
        if x.ndim == 5:
            x = x.unsqueeze(-1)
        if x.ndim != 6 or x.shape[-1] != 1 or tuple(x.shape[1:4]) != self.config.spatial_dims:
            raise ShapeError(
                f"data: expected (batch, {', '.join(map(str, self.config.spatial_dims))}, time[, "
                f"1]), got {tuple(x.shape)}"
            )
        if not bool(torch.isfinite(x).all()):
            raise NonFiniteError("data: contains NaN or infinity; clean it before training")
        return x.movedim(-1, 1).contiguous()

    def _windows(self, data: Data) -> Tensor:
        x = self._checked(data)
        if x.shape[-1] < 3:
            raise ShapeError(f"data: prediction needs at least 3 frames, got {x.shape[-1]}")
        steps = min(self.config.time_steps, x.shape[-1])
        return torch.cat(
            [x[..., s : s + steps] for s in range(0, x.shape[-1] - steps + 1, steps)]
        ).contiguous()

    def _scheduled(self) -> Mode:
        modes = self.config.modes()
        return modes[self.steps % len(modes)]  # type: ignore[return-value]

    def _error(self, output: Tensor, change: Tensor) -> Tensor:
        error = mean_squared_error(output, change)
        weight = self.config.temporal_coherence_weight
        if weight and output.shape[-1] > 1:
            error = error + weight * mean_squared_error(output.diff(), change.diff())
        return error

    def _descend(self, x: Tensor, mode: Mode, drive: float) -> tuple[float, Tensor]:
        """Take one optimizer step; return the loss and the hidden activity."""
        config, propagator = self.config, self.propagator
        propagator.perturbation, propagator.step = config.perturbation, config.goal_step
        propagator.weight = config.bidirectional_weight
        self.optimizer.zero_grad()
        total, seen, hidden = 0.0, len(x), torch.zeros(config.spatial_dims)
        fitting = max(1, PASS_VOXELS // (x[0].numel() or 1))
        for part in torch.split(x, min(config.batch_size, fitting)):
            change = part.diff()
            scale = len(part) / seen
            held = [p.grad for p in self.network.parameters()]
            self.optimizer.zero_grad()
            loss, _ = propagator.gradients(part[..., :-1].contiguous(), change, mode)
            self._blend(held, scale)
            total += scale * loss
            hidden += scale * propagator.activations[-2].detach().abs().mean((0, 1, 5))
        if not math.isfinite(total):
            self.optimizer.zero_grad()
            raise NonFiniteError("the loss is not finite: lower learning_rate or scale the data")
        average_gradients(self.network.parameters())
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * (drive if config.use_modulators else 1.0)
        self.optimizer.step()
        return total, hidden

    def _blend(self, held: list[Tensor | None], scale: float) -> None:
        for parameter, before in zip(self.network.parameters(), held, strict=True):
            if parameter.grad is not None:
                parameter.grad.mul_(scale)
                if before is not None:
                    parameter.grad.add_(before)

    def _activate(self, hidden: Tensor) -> F32Array:
        """Drive the neurons with the hidden activity; return their rates."""
        relative = (hidden / hidden.mean().clamp_min(1e-6)).clamp(max=3.0).numpy()
        duration = self.config.fabric_duration
        if self.config.dendritic_integration:
            drive = DENDRITIC_GAIN * relative
            self.neural_fabric.forward(None, duration, dendritic_drive=drive)
        else:
            self.neural_fabric.forward(SOMATIC_GAIN * relative, duration)
        return self.neural_fabric.activation / RATE_SCALE

    def _map_activity(self, rates: F32Array) -> npt.NDArray[np.float64]:
        """Let the map learn the columns of the fabric; return its activation."""
        columns = rates.reshape(-1, rates.shape[-1])
        self.som.partial_fit(columns)
        return self.som.get_activation_map(columns)

    def _take_note(self, loss: float, x: Tensor) -> None:
        recent = list(self.loss_history)[-10:]
        self.bio_system.observe(loss, sum(recent) / len(recent) if recent else None)
        self.bio_system.spend()
        if "prediction" in self.goals.weights:
            change = x.diff()
            naive = float(self._error(torch.zeros_like(change), change))
            self.goals.satisfy("prediction", min(1.0, max(0.0, 1 - loss / naive)) if naive else 1.0)
        self.loss_history.append(loss)
        self.steps += 1

    def _report(
        self, loss: float, modulators: dict[str, float], mode: str | None, output: Any
    ) -> dict[str, Any]:
        return {
            "loss": loss,
            "energy": modulators["energy_gate"],
            "learning_drive": modulators["learning_drive"],
            "mood": modulators["mood"],
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "mode": mode,
            "skipped": output is None,
            "som_output": output,
        }
