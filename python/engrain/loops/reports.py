"""What each step of the two slow loops did; every report renders as text, JSON and HTML."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from html import escape
from typing import Any


class Report:
    """A dataclass of counts and figures that can show itself."""

    __slots__ = ()

    @property
    def title(self) -> str:
        """The class's name in words, such as "Deep learning report"."""
        name = type(self).__name__
        return "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(name))

    def to_json(self) -> str:
        """Return the report as one JSON object, nested as its fields are."""
        return json.dumps(asdict(self), allow_nan=False)  # type: ignore[call-overload]

    def to_text(self) -> str:
        """Return one line per field, nested reports indented by two."""
        return "\n".join(_text_lines(self, 0))

    def to_html(self) -> str:
        """Return one table per report, without style or script, for embedding in a page."""
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{_html_cell(value)}</td></tr>"
            for name, value in _items(self)
        )
        return f"<table><caption>{escape(self.title)}</caption>{rows}</table>"


@dataclass(frozen=True, slots=True)
class BackgroundReport(Report):
    """One cycle of Loop B.

    Attributes
    ----------
    samples : int
        Signals learned from.
    skipped : str
        Why nothing was done; empty where the cycle ran.
    replayed : int
        Earlier signals that the router saw again.
    refitted : bool
        Whether the ranking model was fitted anew.
    drifted : bool
    consolidation_rate, consolidation_lift : float
        Share of the micro adapter that moved into the base, and the loss it takes off unseen
        lessons, in nats.
    router_loss : float
        Mean of the last epoch, in nats.
    patterns_found, patterns_kept : int
        In these signals, and in the bank afterwards.
    probes_asked, probes_retained : int
        Frozen questions asked again, and answered as before.
    drain_ms, refit_ms, consolidate_ms, router_ms, patterns_ms, fisher_ms, checkpoint_ms : float
        Time of each step in milliseconds.
    elapsed_ms : float
    """

    samples: int = 0
    skipped: str = ""
    replayed: int = 0
    refitted: bool = False
    drifted: bool = False
    consolidation_rate: float = 0.0
    consolidation_lift: float = 0.0
    router_loss: float = 0.0
    patterns_found: int = 0
    patterns_kept: int = 0
    probes_asked: int = 0
    probes_retained: int = 0
    drain_ms: float = 0.0
    refit_ms: float = 0.0
    consolidate_ms: float = 0.0
    router_ms: float = 0.0
    patterns_ms: float = 0.0
    fisher_ms: float = 0.0
    checkpoint_ms: float = 0.0
    elapsed_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ConsolidationReport(Report):
    """What was strengthened and what faded.

    Attributes
    ----------
    high_value_count, edges_strengthened, nodes_decayed : int
    nodes_revived : int
        Faded memories that were used again.
    """

    high_value_count: int = 0
    edges_strengthened: int = 0
    nodes_decayed: int = 0
    nodes_revived: int = 0


@dataclass(frozen=True, slots=True)
class AbstractionReport(Report):
    """How many concepts were found above the patterns.

    Attributes
    ----------
    meta_patterns_created : int
    levels : int
        Of the tallest concept.
    """

    meta_patterns_created: int = 0
    levels: int = 0


@dataclass(frozen=True, slots=True)
class DreamReport(Report):
    """Walks taken and the links kept of them.

    Attributes
    ----------
    novel_connections, dreams_generated : int
    proposed, expired : int
        Links that dreams proposed; earlier ones that nothing proved any more.
    mrr_before, mrr_after : float
        Of logged questions, linked neighbours counted behind the ten shown.
    """

    novel_connections: int = 0
    dreams_generated: int = 0
    proposed: int = 0
    expired: int = 0
    mrr_before: float = 0.0
    mrr_after: float = 0.0


@dataclass(frozen=True, slots=True)
class TransferReport(Report):
    """Analogies between domains.

    Attributes
    ----------
    analogies_found : int
    domains : int
    """

    analogies_found: int = 0
    domains: int = 0


@dataclass(frozen=True, slots=True)
class CompressionReport(Report):
    """Size of the graph before and after.

    Attributes
    ----------
    initial_nodes, initial_edges, nodes_merged, edges_pruned, final_nodes, final_edges : int
    compression_ratio : float
        Nodes before over nodes after; 1 where nothing is left to divide by.
    refused : int
        Merges not made because logged questions would have found less.
    recall_before, recall_after, ndcg_before, ndcg_after : float
        At ten, of logged questions.
    """

    initial_nodes: int = 0
    initial_edges: int = 0
    nodes_merged: int = 0
    edges_pruned: int = 0
    final_nodes: int = 0
    final_edges: int = 0
    compression_ratio: float = field(init=False)
    refused: int = 0
    recall_before: float = 0.0
    recall_after: float = 0.0
    ndcg_before: float = 0.0
    ndcg_after: float = 0.0

    def __post_init__(self) -> None:
        ratio = self.initial_nodes / self.final_nodes if self.final_nodes else 1.0
        object.__setattr__(self, "compression_ratio", ratio)


@dataclass(frozen=True, slots=True)
class DeepLearningReport(Report):
    """One run of Loop C, phase by phase.

    Attributes
    ----------
    consolidation : ConsolidationReport
    abstraction : AbstractionReport
    dreams : DreamReport
    transfer : TransferReport
    compression : CompressionReport
    phi : float
        Integration between the domains, in nats.
    elapsed_ms : float
    mode : str
        "full" or "incremental".
    dry_run : bool
    memories : int
        How many there were, merged ones left out.
    looked_at : int
        How many of them were new or touched; all in a full run.
    neighbours_ms, consolidation_ms, abstraction_ms, dreams_ms : float
    transfer_ms, compression_ms, phi_ms : float
        Time of each phase in milliseconds.
    """

    consolidation: ConsolidationReport = field(default_factory=ConsolidationReport)
    abstraction: AbstractionReport = field(default_factory=AbstractionReport)
    dreams: DreamReport = field(default_factory=DreamReport)
    transfer: TransferReport = field(default_factory=TransferReport)
    compression: CompressionReport = field(default_factory=CompressionReport)
    phi: float = 0.0
    elapsed_ms: float = 0.0
    mode: str = "full"
    dry_run: bool = False
    memories: int = 0
    looked_at: int = 0
    neighbours_ms: float = 0.0
    consolidation_ms: float = 0.0
    abstraction_ms: float = 0.0
    dreams_ms: float = 0.0
    transfer_ms: float = 0.0
    compression_ms: float = 0.0
    phi_ms: float = 0.0


def _items(report: Any) -> list[tuple[str, Any]]:
    return [(f.name, getattr(report, f.name)) for f in fields(report)]


def _text_lines(report: Any, depth: int) -> list[str]:
    lines = [f"{'  ' * depth}{report.title}"]
    for name, value in _items(report):
        if isinstance(value, Report):
            lines += _text_lines(value, depth + 1)
        else:
            lines.append(f"{'  ' * (depth + 1)}{name}: {_number(value)}")
    return lines


def _html_cell(value: Any) -> str:
    return value.to_html() if isinstance(value, Report) else escape(_number(value))


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
