"""Façade over the compiled modules: stateless kernels on NumPy arrays.

Each function has a float64 oracle of the same name in `engrain.kernels.reference`.
"""

from __future__ import annotations

from engrain._buffers import SignalQueue, TrajectoryBuffer
from engrain._core import Modulators, SumTree, TraceTable, ValueTable, reconsolidate_one
from engrain._handles import Handles
from engrain.kernels.bandit import LinearBandit
from engrain.kernels.cable import solve_cable
from engrain.kernels.conv4d import Conv4dSpec, conv4d_forward, conv4d_grad_input, conv4d_grad_weight
from engrain.kernels.cusum import follow_cusum
from engrain.kernels.edges import EdgeTable
from engrain.kernels.fastgrnn import descend_fastgrnn, fisher_fastgrnn, forward_fastgrnn
from engrain.kernels.fisher import elastic_penalty, linear_fisher, update_fisher
from engrain.kernels.fsrs import FSRS_PARAMETERS, fsrs_interval, retrieve_cards, review_cards
from engrain.kernels.grams import CUES, PhraseTable
from engrain.kernels.inhibition import InhibitionRule, inhibit
from engrain.kernels.kmeans import Clusters, kmeans, kmeans_plus_plus
from engrain.kernels.lists import (
    CodedLists,
    code_lists,
    from_bfloat16,
    search_lists,
    to_bfloat16,
)
from engrain.kernels.loop import InstantLearningLoop, LoopRule, LoopTrace
from engrain.kernels.lora import MicroLoRA, apply_lora, update_lora
from engrain.kernels.modulators import ModulatorRule
from engrain.kernels.neuron import (
    CalciumChannel,
    HodgkinHuxley,
    deliver_spikes,
    step_calcium,
    step_hodgkin_huxley,
    step_hodgkin_huxley_rk4,
)
from engrain.kernels.patterns import merge_patterns
from engrain.kernels.reconsolidate import reconsolidate
from engrain.kernels.safeguard import Bets
from engrain.kernels.scorer import adam_step, backpropagate, init_scorer, score_features, sgd_step
from engrain.kernels.simd import simd_level
from engrain.kernels.similarity import compare_rows, score_queries, score_rows
from engrain.kernels.som import accumulate_som, best_som_units, train_som_online
from engrain.kernels.sparse import multiply_sparse
from engrain.kernels.stdp import Spikes, StdpRule, Synapses, poisson_spikes, step_stdp
from engrain.kernels.topk import knn_graph, quantize_rows, topk, topk_int8
from engrain.kernels.traces import TRACE, TraceRule, read_traces, step_traces, touch_traces
from engrain.kernels.value import TdRule, learn_values, td_lambda

__all__ = [
    "CUES",
    "FSRS_PARAMETERS",
    "TRACE",
    "Bets",
    "CalciumChannel",
    "Clusters",
    "CodedLists",
    "Conv4dSpec",
    "EdgeTable",
    "Handles",
    "HodgkinHuxley",
    "InhibitionRule",
    "InstantLearningLoop",
    "LinearBandit",
    "LoopRule",
    "LoopTrace",
    "MicroLoRA",
    "ModulatorRule",
    "Modulators",
    "PhraseTable",
    "SignalQueue",
    "Spikes",
    "StdpRule",
    "SumTree",
    "Synapses",
    "TdRule",
    "TraceRule",
    "TraceTable",
    "TrajectoryBuffer",
    "ValueTable",
    "accumulate_som",
    "adam_step",
    "apply_lora",
    "backpropagate",
    "best_som_units",
    "code_lists",
    "compare_rows",
    "conv4d_forward",
    "conv4d_grad_input",
    "conv4d_grad_weight",
    "deliver_spikes",
    "descend_fastgrnn",
    "elastic_penalty",
    "fisher_fastgrnn",
    "follow_cusum",
    "forward_fastgrnn",
    "from_bfloat16",
    "fsrs_interval",
    "inhibit",
    "init_scorer",
    "kmeans",
    "kmeans_plus_plus",
    "knn_graph",
    "learn_values",
    "linear_fisher",
    "merge_patterns",
    "multiply_sparse",
    "poisson_spikes",
    "quantize_rows",
    "read_traces",
    "reconsolidate",
    "reconsolidate_one",
    "retrieve_cards",
    "review_cards",
    "score_features",
    "score_queries",
    "score_rows",
    "search_lists",
    "sgd_step",
    "simd_level",
    "solve_cable",
    "step_calcium",
    "step_hodgkin_huxley",
    "step_hodgkin_huxley_rk4",
    "step_stdp",
    "step_traces",
    "td_lambda",
    "to_bfloat16",
    "topk",
    "topk_int8",
    "touch_traces",
    "train_som_online",
    "update_fisher",
    "update_lora",
]
