"""The three learning loops: instant, background, deep."""

from __future__ import annotations

from engrain.kernels import TrajectoryBuffer
from engrain.loops.config import BackgroundLearningConfig, DeepLearningConfig
from engrain.loops.reports import (
    AbstractionReport,
    CompressionReport,
    ConsolidationReport,
    DeepLearningReport,
    DreamReport,
    TransferReport,
)
from engrain.loops.schedule import Appointment, WeeklySchedule
from engrain.loops.signals import (
    EdgeType,
    EdgeUpdate,
    LearningSignal,
    QueryEmbedding,
    QueryTrajectory,
    ResponseData,
    RouterSample,
)

__all__ = [
    "AbstractionReport",
    "Appointment",
    "BackgroundLearningConfig",
    "CompressionReport",
    "ConsolidationReport",
    "DeepLearningConfig",
    "DeepLearningReport",
    "DreamReport",
    "EdgeType",
    "EdgeUpdate",
    "LearningSignal",
    "QueryEmbedding",
    "QueryTrajectory",
    "ResponseData",
    "RouterSample",
    "TrajectoryBuffer",
    "TransferReport",
    "WeeklySchedule",
]
