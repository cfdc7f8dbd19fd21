"""Continuous learning from several senses."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.fabric.config import TrainingConfig
from engrain.fabric.features import resample
from engrain.fabric.propagation import Mode
from engrain.fabric.state import load_state, save_state
from engrain.fabric.trainer import NeuralFabricTrainer
from engrain.fabric.trainer_state import pack, unpack


class LillithTrainingOrchestrator:
    """Turns sensory features into frames, keeps the last of them and learns from them in time.

    Each sense fills a quarter of the voxels, resampled and standardised. Once a window of frames is
    there, every input may be followed by one training step, as far as the time budget allows.

    Parameters
    ----------
    initial_cog_state_dim, emotion_dim : int
        Required lengths of the cognitive and the emotional state.
    som_map_size : tuple of 2 or 3 int
    enable_continuous_learning : bool
    config : TrainingConfig, optional
        Its map size is replaced by `som_map_size`.
    time_budget : float
        Share of the time of `clock` that learning may take, in (0, 1].
    clock : callable
        Returns seconds.

    Attributes
    ----------
    trainer : NeuralFabricTrainer
    training_config : TrainingConfig
        The trainer's own: changes act at the next step.
    """

    def __init__(
        self,
        initial_cog_state_dim: int = 512,
        emotion_dim: int = 512,
        som_map_size: tuple[int, ...] = (17, 17),
        enable_continuous_learning: bool = True,
        *,
        config: TrainingConfig | None = None,
        time_budget: float = 1.0,
        clock: Clock = wall_clock,
    ) -> None:
        if not 0 < time_budget <= 1 or min(initial_cog_state_dim, emotion_dim) < 1:
            raise ConfigError("time_budget must lie in (0, 1] and dimensions must be >= 1")
        self.training_config = config or TrainingConfig()
        self.training_config.som_map_size = tuple(som_map_size)
        self.trainer = NeuralFabricTrainer(self.training_config)
        self.trainer.learning = enable_continuous_learning
        self.dims = {"cognitive_state": initial_cog_state_dim, "emotion_state": emotion_dim}
        self.time_budget, self.clock = time_budget, clock
        self.frames: deque[F32Array] = deque(maxlen=self.training_config.max_buffer)
        self.inputs = self.updates = 0
        self._resume_at = -math.inf

    def process_sensory_input(
        self,
        visual_features: npt.ArrayLike,
        audio_features: npt.ArrayLike | None = None,
        cognitive_state: npt.ArrayLike | None = None,
        emotion_state: npt.ArrayLike | None = None,
        mode: Mode | None = None,
    ) -> dict[str, Any]:
        """Take in one moment, learn if there is a window of frames and time, and report.

        Returns
        -------
        dict
            As `NeuralFabricTrainer.train_step`; ``skipped`` until the first window is full.

        Raises
        ------
        ShapeError, NonFiniteError
            Before anything changes.
        """
        frame = self._frame(
            {
                "visual_features": visual_features,
                "audio_features": audio_features,
                "cognitive_state": cognitive_state,
                "emotion_state": emotion_state,
            }
        )
        self.frames.append(frame)
        self.inputs += 1
        steps = self.training_config.time_steps
        now = self.clock()
        if len(self.frames) < steps or now < self._resume_at:
            return self._waiting()
        window = np.stack(list(self.frames)[-steps:], axis=-1)[None]
        metrics = self.trainer.train_step(window, mode)
        done = self.clock()
        self._resume_at = done + (done - now) * (1 / self.time_budget - 1)
        self.updates += not metrics["skipped"]
        return metrics

    def set_learning_mode(self, enabled: bool) -> None:
        """Switch continuous learning on or off; while off nothing changes but the buffer."""
        self.trainer.learning = bool(enabled)

    def get_training_statistics(self) -> dict[str, Any]:
        """Return counts, recent losses and the state of the map."""
        return {
            "total_inputs": self.inputs,
            "total_updates": self.updates,
            "buffered_frames": len(self.frames),
            "learning_enabled": self.trainer.learning,
            "recent_losses": list(self.trainer.loss_history)[-100:],
            "energy": self.trainer.bio_system.modulators()["energy_gate"],
            "som": self.trainer.som.get_training_status(),
        }

    def save_training_state(self, path: str | Path) -> Path:
        """Write the whole state beside `path` as .safetensors and .json; return the former."""
        arrays, settings = pack(self.trainer)
        if self.frames:
            arrays["frames"] = np.stack(self.frames)
        settings["orchestrator"] = {"inputs": self.inputs, "updates": self.updates}
        return save_state(path, arrays, settings)

    def load_training_state(self, path: str | Path) -> None:
        """Go on from a saved state, bit for bit.

        Raises
        ------
        SnapshotError
            Missing or damaged, or of another shape.
        """
        arrays, settings = load_state(path)
        unpack(self.trainer, arrays, settings)
        counts = settings.get("orchestrator", {"inputs": 0, "updates": 0})
        self.inputs, self.updates = counts["inputs"], counts["updates"]
        self.frames.clear()
        self.frames.extend(arrays.get("frames", []))

    def _frame(self, senses: dict[str, npt.ArrayLike | None]) -> F32Array:
        dims = self.training_config.spatial_dims
        parts = np.array_split(np.zeros(math.prod(dims), dtype=np.float32), len(senses))
        for part, (name, value) in zip(parts, senses.items(), strict=True):
            if value is not None and len(part):
                part[:] = _standardised(self._sense(name, value), len(part))
        return np.concatenate(parts).reshape(dims)

    def _sense(self, name: str, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
        flat = np.asarray(value, dtype=np.float64).ravel()
        if flat.size == 0 or flat.size != self.dims.get(name, flat.size):
            raise ShapeError(
                f"{name}: expected {self.dims.get(name, 'some')} values, got {flat.size}"
            )
        if not np.isfinite(flat).all():
            raise NonFiniteError(f"{name}: contains NaN or infinity")
        return flat

    def _waiting(self) -> dict[str, Any]:
        modulators = self.trainer.bio_system.modulators(self.trainer.goals.unmet())
        return {
            "loss": math.nan, "energy": modulators["energy_gate"],
            "learning_drive": modulators["learning_drive"], "mood": modulators["mood"],
            "learning_rate": self.training_config.learning_rate, "mode": None, "skipped": True,
            "som_output": None,
        }  # fmt: skip


def _standardised(values: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.float64]:
    spread = float(values.std())
    return resample((values - values.mean()) / (spread or 1.0), length)
