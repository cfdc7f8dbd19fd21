"""Float64 NumPy oracles, one file per kernel family: the written reference of every kernel."""

from __future__ import annotations

from engrain.kernels.reference.bandit import learn_arm, score_arms, thompson_probabilities
from engrain.kernels.reference.cable import solve_cable
from engrain.kernels.reference.conv4d import conv4d_forward, conv4d_grad_input, conv4d_grad_weight
from engrain.kernels.reference.cusum import follow_cusum
from engrain.kernels.reference.edges import spread_activation, update_edges
from engrain.kernels.reference.evidence import evidence_features, question_kernel
from engrain.kernels.reference.fastgrnn import (
    descend_fastgrnn,
    fisher_fastgrnn,
    forward_fastgrnn,
)
from engrain.kernels.reference.fisher import elastic_penalty, linear_fisher, update_fisher
from engrain.kernels.reference.flat import centred_cosines, standardize
from engrain.kernels.reference.fsrs import fsrs_interval, retrieve_cards, review_cards
from engrain.kernels.reference.grams import read_utterance, score_utterance
from engrain.kernels.reference.inhibition import inhibit
from engrain.kernels.reference.kmeans import kmeans, kmeans_plus_plus
from engrain.kernels.reference.ledger import ledger_update, sequence_bounds
from engrain.kernels.reference.lexical import bm25_scores, hash_text, terms_of
from engrain.kernels.reference.lists import search_lists, to_bfloat16
from engrain.kernels.reference.lora import apply_lora, follow_lora, project_lora, update_lora
from engrain.kernels.reference.modulators import modulate_outcome, modulate_query, observe_novelty
from engrain.kernels.reference.neuron import (
    deliver_spikes,
    step_calcium,
    step_hodgkin_huxley,
    step_hodgkin_huxley_rk4,
)
from engrain.kernels.reference.patterns import merge_patterns
from engrain.kernels.reference.phrases import find_phrases
from engrain.kernels.reference.rank import laplace_step, list_derivatives, weigh_rows
from engrain.kernels.reference.reconsolidate import reconsolidate
from engrain.kernels.reference.safeguard import bet_on, blend_weights, gate_gains, needed_wealth
from engrain.kernels.reference.scorer import adam_step, backpropagate, score_features, sgd_step
from engrain.kernels.reference.similarity import compare_rows, score_queries, score_rows
from engrain.kernels.reference.som import accumulate_som, best_som_units, train_som_online
from engrain.kernels.reference.sparse import multiply_sparse
from engrain.kernels.reference.stdp import run_modulated_stdp, run_stdp, step_stdp, sum_pairs
from engrain.kernels.reference.stems import porter_stem, read_stems
from engrain.kernels.reference.sum_tree import sample_priorities
from engrain.kernels.reference.topk import knn_graph, quantize_rows, topk, topk_int8
from engrain.kernels.reference.traces import read_traces, step_traces, touch_traces
from engrain.kernels.reference.value import learn_values, td_lambda

__all__ = [
    "accumulate_som",
    "adam_step",
    "apply_lora",
    "backpropagate",
    "best_som_units",
    "bet_on",
    "blend_weights",
    "bm25_scores",
    "centred_cosines",
    "compare_rows",
    "conv4d_forward",
    "conv4d_grad_input",
    "conv4d_grad_weight",
    "deliver_spikes",
    "descend_fastgrnn",
    "elastic_penalty",
    "evidence_features",
    "find_phrases",
    "fisher_fastgrnn",
    "follow_cusum",
    "follow_lora",
    "forward_fastgrnn",
    "fsrs_interval",
    "gate_gains",
    "hash_text",
    "inhibit",
    "kmeans",
    "kmeans_plus_plus",
    "knn_graph",
    "laplace_step",
    "learn_arm",
    "learn_values",
    "ledger_update",
    "linear_fisher",
    "list_derivatives",
    "merge_patterns",
    "modulate_outcome",
    "modulate_query",
    "multiply_sparse",
    "needed_wealth",
    "observe_novelty",
    "porter_stem",
    "project_lora",
    "quantize_rows",
    "question_kernel",
    "read_stems",
    "read_traces",
    "read_utterance",
    "reconsolidate",
    "retrieve_cards",
    "review_cards",
    "run_modulated_stdp",
    "run_stdp",
    "sample_priorities",
    "score_arms",
    "score_features",
    "score_queries",
    "score_rows",
    "score_utterance",
    "search_lists",
    "sequence_bounds",
    "sgd_step",
    "solve_cable",
    "spread_activation",
    "standardize",
    "step_calcium",
    "step_hodgkin_huxley",
    "step_hodgkin_huxley_rk4",
    "step_stdp",
    "step_traces",
    "sum_pairs",
    "td_lambda",
    "terms_of",
    "thompson_probabilities",
    "to_bfloat16",
    "topk",
    "topk_int8",
    "touch_traces",
    "train_som_online",
    "update_edges",
    "update_fisher",
    "update_lora",
    "weigh_rows",
]
