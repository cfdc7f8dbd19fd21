"""The phases of the deep loop, each from material to a change and its report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.kernels import from_bfloat16
from engrain.loops.analogies import find_analogies
from engrain.loops.config import DeepLearningConfig
from engrain.loops.domains import Domains
from engrain.loops.dreams import (
    DreamEngine,
    adjacency,
    halves,
    proposals,
    proven,
    still_useful,
)
from engrain.loops.duplicates import near_duplicates
from engrain.loops.material import Change, Links, Material, link_change
from engrain.loops.neighbours import NeighbourGraph
from engrain.loops.phi import PhiCalculator
from engrain.loops.pruning import weak_links, within_cap
from engrain.loops.replay import SHOWN, is_missed, replay
from engrain.loops.reports import (
    CompressionReport,
    ConsolidationReport,
    DreamReport,
    TransferReport,
)
from engrain.loops.signals import EdgeType
from engrain.loops.strengthening import DAY, fading, high_value, revived, strengthened
from engrain.loops.survey import Survey

DOMAINS_COMPARED = 16
CONCEPTS_COMPARED = 64
ANALOGY_WEIGHT = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What every phase looks at.

    Attributes
    ----------
    material : Material
    survey : Survey
    config : DeepLearningConfig
    now : float
    last : float
        When the last run ended.
    """

    material: Material
    survey: Survey
    config: DeepLearningConfig
    now: float
    last: float

    def after(self, change: Change, links: Links) -> Setting:
        """Return the same once a change is made."""
        material = self.material
        faded = material.faded | np.isin(material.handles, change.faded)
        faded &= ~np.isin(material.handles, change.revived)
        return replace(self, material=replace(material, links=links, faded=faded))


def consolidate(setting: Setting) -> tuple[Change, Links, ConsolidationReport]:
    """Strengthen links between valuable neighbours; let the hardly used fade, and come back."""
    material, config = setting.material, setting.config
    valuable = high_value(
        material, accesses=config.high_value_accesses, quality=config.high_value_quality
    )
    rows = setting.survey.looked_at
    graph = NeighbourGraph(setting.survey.graph.rows[rows], setting.survey.graph.cosines[rows])
    grown = strengthened(material.links, graph, rows, valuable, cosine=config.strengthen_cosine)
    links = overlaid(material.links, grown, len(material))
    fades = fading(material, setting.now, accesses=config.fade_accesses, age=config.fade_days * DAY)
    back = revived(material, setting.last)
    change = replace(
        link_change("consolidation", material.handles, material.links, links),
        faded=material.handles[fades],
        revived=material.handles[back],
    )
    report = ConsolidationReport(
        int(valuable.sum()), len(grown), int(fades.sum()), nodes_revived=int(back.sum())
    )
    return change, links, report


def dream(setting: Setting) -> tuple[Change, Links, DreamReport]:
    """Walk, propose links, keep those that logged questions prove; let unproven ones expire."""
    material, config = setting.material, setting.config
    old = material.links
    creative = old.kinds == int(EdgeType.Creative)
    useful = still_useful(old, creative, material.questions)
    links = old.where(useful)
    engine = DreamEngine(setting.survey.graph, material.vectors, seed=config.seed)
    starts = _starts(setting)
    dreams = engine.generate_dreams(starts, config.dream_length, config.creativity_temperature)
    offered = proposals(dreams, novelty=config.dream_novelty, coherence=config.dream_coherence)
    offered = offered.where(~np.isin(offered.keys(len(material)), links.keys(len(material))))
    taken = proven(offered, links, material.questions, seed=config.seed)
    dreamt = within_cap(links.joined(offered.where(taken)), len(material))
    report = DreamReport(
        int(taken.sum()),
        len(dreams),
        proposed=len(offered),
        expired=int((~useful).sum()),
        mrr_before=replay(material.questions, adjacency(old)).mrr,
        mrr_after=replay(material.questions, adjacency(dreamt)).mrr,
    )
    return link_change("dreams", material.handles, old, dreamt), dreamt, report


def _starts(setting: Setting) -> I64Array:
    """Draw where dreams begin: half at what missed questions showed, half by use.

    The first half comes from the questions that choose links, never from those that judge them.
    """
    material, config = setting.material, setting.config
    rows = setting.survey.looked_at
    rows = rows[~material.faded[rows]]
    if not len(rows):
        return np.zeros(0, np.int64)
    walks = math.ceil(len(setting.survey.looked_at) / len(material) * config.num_dreams)
    odds: F64Array = 1.0 + material.accesses[rows].astype(np.float64)
    rng = np.random.Generator(np.random.Philox(config.seed))
    starts = rng.choice(rows, walks, p=odds / odds.sum())
    missed = [q.ranked[:SHOWN] for q in halves(material.questions, config.seed)[0] if is_missed(q)]
    if missed:
        starts[: walks // 2] = rng.choice(np.concatenate(missed), walks // 2)
    return starts


def transfer(setting: Setting) -> tuple[Change, Links, TransferReport]:
    """Link the concepts of different domains that stand in the same place of their domain."""
    material, domains = setting.material, setting.survey.domains
    ends, weights, notes = _analogies(setting)
    found = ends[:, 0] != ends[:, 1]
    a, b = ends[found].min(axis=1), ends[found].max(axis=1)
    kinds = np.full(len(a), int(EdgeType.Analogy))
    new = Links(a, b, ANALOGY_WEIGHT * weights[found], kinds)
    fresh = ~np.isin(new.keys(len(material)), material.links.keys(len(material)))
    first = np.zeros(len(new), np.bool_)
    first[np.unique(new.keys(len(material)), return_index=True)[1]] = True
    new = new.where(fresh & first)
    links = within_cap(material.links.joined(new), len(material))
    change = link_change("transfer", material.handles, material.links, links)
    note = dict(zip(zip(a.tolist(), b.tolist(), strict=True), notes[found].tolist(), strict=True))
    rows = np.searchsorted(material.handles, change.ends).tolist()
    change = replace(change, notes=tuple(note.get((i, j), "") for i, j in rows))
    return change, links, TransferReport(len(new), domains=domains.count)


def _analogies(setting: Setting) -> tuple[I64Array, F64Array, np.ndarray]:
    """Return rows of corresponding memories, confidences and kinds of mapping."""
    domains = setting.survey.domains
    rows, confidences, kinds = [], [], []
    sizes = np.bincount(domains.prototype_of, minlength=len(domains.prototypes))
    concepts = [_largest(domains, d, sizes) for d in range(min(domains.count, DOMAINS_COMPARED))]
    nearest = _examples(setting)
    for i, one in enumerate(concepts):
        for other in concepts[i + 1 :]:
            pairs = find_analogies(
                domains.prototypes[one],
                domains.prototypes[other],
                least=setting.config.analogy_confidence,
            )
            for pair in pairs:
                rows.append((nearest[one[pair.source]], nearest[other[pair.target]]))
                confidences.append(pair.confidence)
                kinds.append(pair.mapping_type.value)
    return np.array(rows, np.int64).reshape(-1, 2), np.array(confidences), np.array(kinds)


def _largest(domains: Domains, domain: int, sizes: I64Array) -> I64Array:
    members = domains.members(domain)
    members = members[sizes[members] > 0]
    order = np.argsort(-sizes[members], kind="stable")[:CONCEPTS_COMPARED]
    return np.sort(members[order])


def _examples(setting: Setting) -> I64Array:
    """Return for each prototype the memory nearest to it, -1 where it has none."""
    domains = setting.survey.domains
    best = np.full(len(domains.prototypes), -np.inf)
    example = np.full(len(domains.prototypes), -1, np.int64)
    for first in range(0, len(setting.material), 65_536):
        rows = from_bfloat16(setting.material.vectors[first : first + 65_536])
        of = domains.prototype_of[first : first + 65_536]
        cosines = np.einsum("ij,ij->i", rows, domains.prototypes[of]).astype(np.float64)
        order = np.lexsort((np.arange(len(of)), -cosines, of))
        leads = order[np.unique(of[order], return_index=True)[1]]
        better = leads[cosines[leads] > best[of[leads]]]
        best[of[better]], example[of[better]] = cosines[better], first + better
    return example


def compress(setting: Setting) -> tuple[Change, Links, CompressionReport]:
    """Merge near-duplicates and prune weak links, as far as logged questions lose nothing."""
    material, config, survey = setting.material, setting.config, setting.survey
    rows = survey.looked_at
    graph = NeighbourGraph(survey.graph.rows[rows], survey.graph.cosines[rows])
    merges = near_duplicates(
        graph.near_pairs(rows, config.merge_cosine),
        material.vectors,
        worth(material),
        text=material.text,
        cosine=config.merge_cosine,
    )
    merged = dict(zip(merges[:, 1].tolist(), merges[:, 0].tolist(), strict=True))
    weak = weak_links(
        material.links, len(material), kept=config.links_kept, relative=config.weak_share
    )
    links = material.links.where(~weak)
    before = replay(material.questions, adjacency(material.links))
    after = replay(material.questions, adjacency(links), merged)
    worse = min(after.ndcg - before.ndcg, after.recall - before.recall) < -config.tolerance - 1e-12
    refused = len(merges) if worse else 0
    if worse:
        merges, after = merges[:0], replay(material.questions, adjacency(links))
    change = replace(
        link_change("compression", material.handles, material.links, links),
        merged=material.handles[merges],
    )
    report = CompressionReport(
        initial_nodes=len(material),
        initial_edges=len(material.links),
        nodes_merged=len(merges),
        edges_pruned=int(weak.sum()),
        final_nodes=len(material) - len(merges),
        final_edges=len(links),
        refused=refused,
        recall_before=before.recall,
        recall_after=after.recall,
        ndcg_before=before.ndcg,
        ndcg_after=after.ndcg,
    )
    return change, links, report


def worth(material: Material) -> F64Array:
    """Return what decides which of two duplicates stays: how often it helped, then was seen."""
    quality = np.where(np.isnan(material.quality), 0.0, material.quality)
    worthy: F64Array = (1.0 + quality) * (1.0 + material.accesses)
    return worthy


def integration(weights: F64Array, calculator: PhiCalculator) -> float:
    """Return the integration between domains that are linked by these weights."""
    return calculator.compute_phi(weights - np.diag(np.diag(weights)))


def overlaid(links: Links, others: Links, size: int) -> Links:
    """Return the links with `others` in place of those of the same pairs."""
    kept = links.where(~np.isin(links.keys(size), others.keys(size)))
    return within_cap(kept.joined(others), size)
