"""Gate, strategy and confidence that learn online.

Names are resolved on first use: only the modules that train nets load torch.
"""

from __future__ import annotations

from importlib import import_module

_NAMES: dict[str, tuple[str, ...]] = {
    "background": ("BackgroundTraining", "NetGate"),
    "bandits": ("Choice", "LinThompson", "LinUCB", "LinearBandit", "StrategyBandit"),
    "calibration": ("RecallConfidence",),
    "calibration_maps": ("StreamingBeta", "StreamingPlatt"),
    "calibration_measures": ("brier_score", "calibration_error"),
    "checkpoints": ("Checkpoints",),
    "confidence_estimator": ("ConfidenceEstimator",),
    "feedback_collector": ("Feedback", "FeedbackCollector", "FeedbackSignal"),
    "feedback_model": ("FeedbackModel",),
    "feedback_reader": ("UtteranceReader",),
    "gate": ("GatedRows", "InlineGate"),
    "gate_component": ("GateComponent", "GateLesson"),
    "gate_ladder": ("Cosine", "GateLadder"),
    "gate_training": ("GateReport", "GateTraining"),
    "guarded_gate": ("GuardedGate",),
    "joint_trainer": ("JointTrainer", "JointTrainingMetrics", "TrainingSample"),
    "memory_bank": ("MemoryBank", "Merge"),
    "memory_gate": ("MemoryGate",),
    "off_policy": ("Estimate", "LoggedDecisions", "cross_fit_rewards", "evaluate_policy"),
    "online_trainer": ("InteractionOutcome", "OnlineTrainer"),
    "promotion": ("Promotion",),
    "replay_buffer": ("Imported", "Inputs", "PrioritizedBatch", "ReplayBuffer", "ReplayEntry"),
    "situation_encoder": ("SituationEncoder",),
    "strategy_component": ("StrategyComponent", "StrategyLesson"),
    "strategy_selector": ("Strategy", "StrategyRegistry", "StrategySelector"),
    "strategy_training": ("StrategyReport", "StrategyTraining"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'engrain.policy' has no attribute {name!r}")
    return getattr(import_module(f"engrain.policy.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
