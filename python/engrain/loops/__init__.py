"""The three learning loops: instant, background, deep."""

from __future__ import annotations

from engrain.kernels import TrajectoryBuffer
from engrain.loops.adapters import BaseLoRA, MicroLoRA, adapt
from engrain.loops.analogies import Analogy, MappingType, find_analogies
from engrain.loops.archive import Archive
from engrain.loops.background import BackgroundLearningLoop
from engrain.loops.batch import SignalBatch
from engrain.loops.checkpoint import SONACheckpoint
from engrain.loops.config import BackgroundLearningConfig, DeepLearningConfig, SONAConfig
from engrain.loops.consolidation import (
    Consolidation,
    Lessons,
    consolidate,
    held_out_lift,
    proven_rate,
)
from engrain.loops.coordinator import Budget, LoopCoordinator
from engrain.loops.deep import DeepLearningLoop
from engrain.loops.domains import Domains, identify_domains
from engrain.loops.dreams import Dream, DreamEngine
from engrain.loops.drift import DriftDetector
from engrain.loops.duplicates import near_duplicates
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
from engrain.loops.instant import InstantLearningLoop
from engrain.loops.material import Links, Material
from engrain.loops.memory_graph import MemoryGraph
from engrain.loops.memory_service import MemoryService
from engrain.loops.neighbours import NeighbourGraph, NeighbourIndex
from engrain.loops.pattern_memory import PatternMemory
from engrain.loops.patterns import LearnedPattern, PatternExtractor, ReasoningBank
from engrain.loops.peft import export_peft, import_peft
from engrain.loops.phi import PhiCalculator
from engrain.loops.probes import FrozenProbes
from engrain.loops.replay import LoggedQuestion, replay
from engrain.loops.reports import (
    AbstractionReport,
    BackgroundReport,
    CompressionReport,
    ConsolidationReport,
    DeepLearningReport,
    DreamReport,
    TransferReport,
)
from engrain.loops.reservoir import SignalReservoir
from engrain.loops.router import FastGRNNRouter, RouterBatch
from engrain.loops.schedule import Appointment, WeeklySchedule
from engrain.loops.shared import Front, SharedSONAState
from engrain.loops.signals import (
    EdgeType,
    EdgeUpdate,
    LearningSignal,
    QueryEmbedding,
    QueryTrajectory,
    ResponseData,
    RouterSample,
)
from engrain.loops.sources import InstantSource, LogSource, QueueSource, SignalSource
from engrain.loops.touched import Touched, TouchedQueue
from engrain.loops.wording import Wording

__all__ = [
    "AbstractionReport",
    "Analogy",
    "Appointment",
    "Archive",
    "BackgroundLearningConfig",
    "BackgroundLearningLoop",
    "BackgroundReport",
    "BaseLoRA",
    "Budget",
    "Cluster",
    "CompressionReport",
    "Consolidation",
    "ConsolidationReport",
    "DeepLearningConfig",
    "DeepLearningLoop",
    "DeepLearningReport",
    "Dendrogram",
    "Distance",
    "Domains",
    "Dream",
    "DreamEngine",
    "DreamReport",
    "DriftDetector",
    "EWCPlusPlusState",
    "EdgeType",
    "EdgeUpdate",
    "FastGRNNRouter",
    "Front",
    "FrozenProbes",
    "HierarchicalClustering",
    "ImprovementMetrics",
    "InstantLearningLoop",
    "InstantSource",
    "Knowledge",
    "LearnedPattern",
    "LearningSignal",
    "Lessons",
    "Linkage",
    "Links",
    "LogSource",
    "LoggedQuestion",
    "LoopCoordinator",
    "MappingType",
    "Material",
    "MemoryGraph",
    "MemoryService",
    "MetricsCollector",
    "MicroLoRA",
    "NeighbourGraph",
    "NeighbourIndex",
    "Network",
    "PatternExtractor",
    "PatternMemory",
    "PhiCalculator",
    "QueryEmbedding",
    "QueryTrajectory",
    "QueueSource",
    "ReasoningBank",
    "ResponseData",
    "RouterBatch",
    "RouterSample",
    "SONACheckpoint",
    "SONAConfig",
    "SharedSONAState",
    "SignalBatch",
    "SignalReservoir",
    "SignalSource",
    "SystemPhi",
    "Touched",
    "TouchedQueue",
    "TrajectoryBuffer",
    "TransferReport",
    "WeeklySchedule",
    "Wording",
    "adapt",
    "consolidate",
    "export_peft",
    "find_analogies",
    "held_out_lift",
    "identify_domains",
    "import_peft",
    "measure_fisher",
    "near_duplicates",
    "proven_rate",
    "replay",
    "system_phi",
    "system_phi3",
    "train_router",
]
