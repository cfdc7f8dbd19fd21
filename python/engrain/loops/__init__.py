"""The three learning loops: instant, background, deep."""

from __future__ import annotations

from engrain.kernels import TrajectoryBuffer
from engrain.loops.adapters import BaseLoRA, MicroLoRA, adapt
from engrain.loops.checkpoint import SONACheckpoint
from engrain.loops.config import BackgroundLearningConfig, DeepLearningConfig
from engrain.loops.consolidation import Consolidation, Lessons, consolidate, held_out_lift
from engrain.loops.elastic import EWCPlusPlusState, measure_fisher, train_router
from engrain.loops.hierarchy import (
    Cluster,
    Dendrogram,
    Distance,
    HierarchicalClustering,
    Linkage,
)
from engrain.loops.iit import Network, SystemPhi, system_phi
from engrain.loops.iit3 import system_phi3
from engrain.loops.improvement import ImprovementMetrics, Knowledge, MetricsCollector
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex
from engrain.loops.patterns import LearnedPattern, PatternExtractor, ReasoningBank
from engrain.loops.peft import export_peft, import_peft
from engrain.loops.phi import PhiCalculator
from engrain.loops.reports import (
    AbstractionReport,
    CompressionReport,
    ConsolidationReport,
    DeepLearningReport,
    DreamReport,
    TransferReport,
)
from engrain.loops.router import FastGRNNRouter
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
    "BaseLoRA",
    "Cluster",
    "CompressionReport",
    "Consolidation",
    "ConsolidationReport",
    "DeepLearningConfig",
    "DeepLearningReport",
    "Dendrogram",
    "Distance",
    "DreamReport",
    "EWCPlusPlusState",
    "EdgeType",
    "EdgeUpdate",
    "FastGRNNRouter",
    "HierarchicalClustering",
    "ImprovementMetrics",
    "Knowledge",
    "LearnedPattern",
    "LearningSignal",
    "Lessons",
    "Linkage",
    "MetricsCollector",
    "MicroLoRA",
    "NeighbourGraph",
    "NeighbourIndex",
    "Network",
    "PatternExtractor",
    "PhiCalculator",
    "QueryEmbedding",
    "QueryTrajectory",
    "ReasoningBank",
    "ResponseData",
    "RouterSample",
    "SONACheckpoint",
    "SystemPhi",
    "TrajectoryBuffer",
    "TransferReport",
    "WeeklySchedule",
    "adapt",
    "consolidate",
    "export_peft",
    "held_out_lift",
    "import_peft",
    "measure_fisher",
    "system_phi",
    "system_phi3",
    "train_router",
]
