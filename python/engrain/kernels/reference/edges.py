"""Oracle of the Hebbian edge table and of spreading activation over it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

# What leaves each node, in list order: target -> weight.
Graph: TypeAlias = dict[int, dict[int, float]]


def update_edges(
    graph: Graph,
    updates: Iterable[tuple[int, int, float]],
    *,
    eta_plus: float = 0.05,
    eta_minus: float = 0.02,
    per_node: int = 32,
    oja: bool = False,
) -> None:
    """Apply (source, target, signal) in order, in place.

    s > 0: w += eta_plus s (1 - w), from 0 where the edge is new; s < 0: w -= eta_minus |s| w (soft
    bounds, van Rossum, Bi & Turrigiano 2000). A node with `per_node` edges first gives up the
    weakest. Oja (1982), to first order in the gain d of edge i: w_j -= d w_i w_j for every j.
    """
    for source, target, signal in updates:
        edges = graph.setdefault(source, {})
        if target not in edges:
            if signal <= 0:
                continue
            if len(edges) == per_node:
                _give_up_weakest(edges)
            edges[target] = 0.0
        weight = edges[target]
        gain = eta_plus * signal * (1 - weight) if signal > 0 else eta_minus * signal * weight
        edges[target] = weight + gain
        if oja and signal > 0:
            for other in edges:
                edges[other] *= 1 - gain * weight


def _give_up_weakest(edges: dict[int, float]) -> None:
    """Drop the weakest edge; the last of the list takes its place."""
    order = list(edges.items())
    weakest = min(range(len(order)), key=lambda i: order[i][1])
    order[weakest] = order[-1]
    edges.clear()
    edges.update(order[:-1])


def spread_activation(
    graph: Mapping[int, Mapping[int, float]],
    seeds: Mapping[int, float],
    *,
    hops: int = 2,
    damping: float = 0.5,
) -> dict[int, float]:
    """Return what each node receives: a_v += damping a_u w_uv / max(1, sum_v w_uv) in every hop.

    Collins & Loftus (1975); activation is divided among the links as in the fan effect of
    Anderson (1974).
    """
    received: dict[int, float] = {}
    active = dict(seeds)
    for _ in range(hops):
        passed: dict[int, float] = {}
        for node, amount in active.items():
            edges = graph.get(node, {})
            share = damping * amount / max(1.0, sum(edges.values()))
            for target, weight in edges.items():
                passed[target] = passed.get(target, 0.0) + share * weight
        for node, amount in passed.items():
            received[node] = received.get(node, 0.0) + amount
        active = passed
    return received
