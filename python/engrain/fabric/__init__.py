"""The neural fabric: 4-D convolution, neurons, self-organising maps, training.

The public names are resolved on first use, so that parts which need less load less.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engrain.fabric.cable import DendriticCable
    from engrain.fabric.calcium_plasticity import CalciumRule, CalciumSynapses
    from engrain.fabric.config import TrainingConfig
    from engrain.fabric.conv4d import Conv4D, Fatigue, SeparableConv4D
    from engrain.fabric.data import create_synthetic_data, load_volumes, windows
    from engrain.fabric.energy import BioSystem
    from engrain.fabric.features import FeatureEncoder, SpectralEncoder
    from engrain.fabric.goals import Goals
    from engrain.fabric.memory_map import memory_map_html
    from engrain.fabric.network import PredictiveNetwork
    from engrain.fabric.neurons import NeuralFabric3D, Neuron
    from engrain.fabric.nonlinearity import BiologicalNonlinearity
    from engrain.fabric.orchestrator import LillithTrainingOrchestrator
    from engrain.fabric.propagation import BidirectionalPropagator
    from engrain.fabric.skill import skill_over_persistence
    from engrain.fabric.som import SelfOrganizingMap
    from engrain.fabric.trainer import NeuralFabricTrainer

_HOMES = {
    "BidirectionalPropagator": "propagation",
    "BioSystem": "energy",
    "BiologicalNonlinearity": "nonlinearity",
    "CalciumRule": "calcium_plasticity",
    "CalciumSynapses": "calcium_plasticity",
    "Conv4D": "conv4d",
    "DendriticCable": "cable",
    "Fatigue": "conv4d",
    "FeatureEncoder": "features",
    "Goals": "goals",
    "LillithTrainingOrchestrator": "orchestrator",
    "NeuralFabric3D": "neurons",
    "NeuralFabricTrainer": "trainer",
    "Neuron": "neurons",
    "PredictiveNetwork": "network",
    "SelfOrganizingMap": "som",
    "SeparableConv4D": "conv4d",
    "SpectralEncoder": "features",
    "TrainingConfig": "config",
    "create_synthetic_data": "data",
    "load_volumes": "data",
    "memory_map_html": "memory_map",
    "skill_over_persistence": "skill",
    "windows": "data",
}

__all__ = [
    "BidirectionalPropagator",
    "BioSystem",
    "BiologicalNonlinearity",
    "CalciumRule",
    "CalciumSynapses",
    "Conv4D",
    "DendriticCable",
    "Fatigue",
    "FeatureEncoder",
    "Goals",
    "LillithTrainingOrchestrator",
    "NeuralFabric3D",
    "NeuralFabricTrainer",
    "Neuron",
    "PredictiveNetwork",
    "SelfOrganizingMap",
    "SeparableConv4D",
    "SpectralEncoder",
    "TrainingConfig",
    "create_synthetic_data",
    "load_volumes",
    "memory_map_html",
    "skill_over_persistence",
    "windows",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'engrain.fabric' has no attribute {name!r}")
    return getattr(import_module(f"engrain.fabric.{_HOMES[name]}"), name)
