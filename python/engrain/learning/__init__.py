"""The learning module: three-factor learning, what surrounds it, and what it writes down.

Names are resolved on first use, so that importing one mechanism does not load the others.
"""

from __future__ import annotations

from importlib import import_module

_NAMES: dict[str, tuple[str, ...]] = {
    "acetylcholine": ("AcetylcholineSystem", "CognitiveMode"),
    "causal_discovery": ("CausalDiscovery", "CausalGraph"),
    "cold_start": ("PopulationPrior", "PopulationWeights"),
    "collector": ("EventCollector", "EventStore", "get_collector"),
    "config": ("LearningConfig",),
    "dopamine": ("DopamineSystem", "LearnedValueEstimator", "RewardPredictionError", "TDLambda"),
    "eligibility": ("EligibilityTrace", "LayeredEligibilityTrace"),
    "events": ("emit_retrieval_event",),
    "experience": ("Experience", "OutcomeEvent", "RetrievalEvent"),
    "formats": ("FullJSON", "NeuroSymbolicTriples", "ToonJSON", "get_representation"),
    "fsrs": ("FSRS", "Card", "Rating", "ReviewLog", "fit_parameters"),
    "hooks": ("RetrievalHookMixin", "learning_retrieval"),
    "inhibition": ("InhibitionResult", "InhibitoryNetwork"),
    "listmle": ("list_mle",),
    "neuro_symbolic": (
        "LearnedFusion",
        "NeuroSymbolicReasoner",
        "PathFusion",
        "Triple",
        "TripleStore",
    ),
    "neuromodulators": (
        "LearningParams",
        "NeuromodulatorOrchestra",
        "NeuromodulatorState",
        "create_neuromodulator_orchestra",
    ),
    "norepinephrine": ("ArousalState", "NorepinephrineSystem"),
    "persistence": ("load_checkpoint", "save_checkpoint"),
    "plasticity": (
        "EWCRegularizer",
        "HomeostaticScaler",
        "LTDEngine",
        "MetaplasticityController",
        "SynapticIntelligence",
        "SynapticTagger",
    ),
    "reconsolidation": ("ReconsolidationEngine", "ReconsolidationUpdate"),
    "replay": ("PrioritizedReplayBuffer",),
    "scorer": ("LearnedRetrievalScorer", "ScorerTrainer", "TrainerConfig"),
    "self_supervised": ("ImplicitCredit",),
    "serotonin": ("SerotoninSystem", "TemporalContext"),
    "stdp": ("STDPLearner",),
    "three_factor": ("ThreeFactorLearningRule", "ThreeFactorSignal"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'engrain.learning' has no attribute {name!r}")
    return getattr(import_module(f"engrain.learning.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
