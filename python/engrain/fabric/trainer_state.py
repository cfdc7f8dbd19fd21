"""The whole state of a trainer as named arrays and plain values, and back."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch

from engrain.base.errors import SnapshotError
from engrain.fabric.config import TrainingConfig
from engrain.fabric.energy import BioSystem
from engrain.fabric.goals import Goals
from engrain.fabric.network import PredictiveNetwork
from engrain.fabric.neurons import NeuralFabric3D
from engrain.fabric.som import SelfOrganizingMap
from engrain.fabric.state import Arrays

SOM_ARRAYS = ("weights_", "hits_")
SOM_VALUES = ("n_seen_", "quantization_error_", "topographic_error_", "n_features_in_")
SHAPE_SETTINGS = ("spatial_dims", "channels", "som_map_size")


class Training(Protocol):
    """What decides how training goes on."""

    config: TrainingConfig
    network: PredictiveNetwork
    optimizer: torch.optim.Adam
    neural_fabric: NeuralFabric3D
    som: SelfOrganizingMap
    bio_system: BioSystem
    goals: Goals
    generator: torch.Generator
    loss_history: deque[float]
    steps: int
    epochs: int
    learning: bool


def pack(trainer: Training) -> tuple[Arrays, dict[str, Any]]:
    """Return all of it."""
    arrays: Arrays = {
        f"network.{name}": tensor.detach().numpy()
        for name, tensor in trainer.network.state_dict().items()
    }
    for index, moments in trainer.optimizer.state_dict()["state"].items():
        for name, tensor in moments.items():
            arrays[f"optimizer.{index}.{name}"] = tensor.numpy()
    arrays |= {f"fabric.{name}": a for name, a in trainer.neural_fabric.state().items()}
    som = trainer.som
    trained = hasattr(som, "weights_")
    if trained:
        arrays |= {f"som.{name}": getattr(som, name) for name in SOM_ARRAYS}
    arrays["generator"] = trainer.generator.get_state().numpy()
    arrays["losses"] = np.array(trainer.loss_history, dtype=np.float64)
    noise = trainer.neural_fabric.dendrites.synapses.generator.bit_generator.state
    return arrays, {
        "config": dataclasses.asdict(trainer.config),
        "bio_system": dataclasses.asdict(trainer.bio_system),
        "goals": {"weights": trainer.goals.weights, "satisfaction": trainer.goals.satisfaction},
        "som": {name: getattr(som, name) for name in SOM_VALUES} if trained else None,
        "synaptic_noise": noise,
        "counters": {"steps": trainer.steps, "epochs": trainer.epochs},
        "learning": trainer.learning,
    }


def unpack(trainer: Training, arrays: Arrays, settings: Mapping[str, Any]) -> None:
    """Put a trainer into a packed state; its config keeps its own object.

    Raises
    ------
    SnapshotError
        The state belongs to a trainer of another shape, or lacks a part.
    """
    config = settings["config"]
    for name in SHAPE_SETTINGS:
        own = getattr(trainer.config, name)
        if (tuple(config[name]) if isinstance(own, tuple) else config[name]) != own:
            raise SnapshotError(f"the saved {name} is {config[name]}, this trainer's is {own}")
    trainer.neural_fabric.load(_part(arrays, "fabric."))
    network = {k: torch.from_numpy(a) for k, a in _part(arrays, "network.").items()}
    trainer.network.load_state_dict(network)
    _load_optimizer(trainer, _part(arrays, "optimizer."))
    for name, value in config.items():
        own = getattr(trainer.config, name)
        setattr(trainer.config, name, tuple(value) if isinstance(own, tuple) else value)
    _load_som(trainer, _part(arrays, "som."), settings["som"])
    trainer.generator.set_state(torch.from_numpy(arrays["generator"].copy()))
    synapses = trainer.neural_fabric.dendrites.synapses
    synapses.generator.bit_generator.state = settings["synaptic_noise"]
    trainer.loss_history.clear()
    trainer.loss_history.extend(arrays["losses"].tolist())
    trainer.bio_system = BioSystem(**settings["bio_system"])
    trainer.goals.weights = dict(settings["goals"]["weights"])
    trainer.goals.satisfaction = dict(settings["goals"]["satisfaction"])
    trainer.steps, trainer.epochs = settings["counters"]["steps"], settings["counters"]["epochs"]
    trainer.learning = settings["learning"]


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def _load_optimizer(trainer: Training, arrays: Arrays) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in arrays.items():
        index, moment = name.split(".", 1)
        state.setdefault(int(index), {})[moment] = torch.from_numpy(array.copy())
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _load_som(trainer: Training, arrays: Arrays, values: Mapping[str, Any] | None) -> None:
    if values is None:
        return
    for name in SOM_ARRAYS:
        setattr(trainer.som, name, arrays[name].copy())
    for name in SOM_VALUES:
        setattr(trainer.som, name, values[name])
