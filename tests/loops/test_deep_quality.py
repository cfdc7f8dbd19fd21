"""What a full run of the deep loop does to the answers of real questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.datasets import load_dataset
from engrain.evaluation.metrics import judge_ranking
from engrain.evaluation.subject import Stopwatch, Subject, scope_of
from engrain.loops import DeepLearningConfig, DeepLearningLoop, MemoryService
from engrain.loops.reports import DeepLearningReport

TAUGHT = 120
ASKED = 100


def figures(subject: Subject, indices: list[int], merged: dict[str, str]) -> dict[str, float]:
    """Return nDCG@10, recall@10 and the reciprocal rank with linked neighbours behind the ten."""
    rows = []
    for index in indices:
        question = subject.dataset.questions[index]
        vectors = subject.dataset.question_vectors
        recall = subject.memory.recall(
            question.text,
            10,
            vector=None if vectors is None else vectors[index],
            filter=scope_of(question),
            max_linked=5,
            log=False,
        )
        relevant = {merged.get(id, id) for id in question.relevant}
        shown = [str(hit.id) for hit in recall.hits]
        quality = judge_ranking(shown, relevant)
        linked = [*shown, *(str(hit.id) for hit in recall.linked)]
        rank = next((1.0 / place for place, id in enumerate(linked, 1) if id in relevant), 0.0)
        rows.append((quality.ndcg10, quality.recall10, rank))
    ndcg, recall10, mrr = (float(value) for value in np.mean(rows, axis=0))
    return {"ndcg10": ndcg, "recall10": recall10, "mrr_linked": mrr}


def run(
    folder: Path, path: Path, config: DeepLearningConfig
) -> tuple[DeepLearningReport, dict[str, float], dict[str, float]]:
    dataset = load_dataset(folder)
    order = np.random.default_rng(0).permutation(len(dataset.questions)).tolist()
    with Subject(dataset, path, (), Stopwatch(), "auto") as subject:
        for index in order[:TAUGHT]:
            subject.judge(index)
        held_out = order[-ASKED:]
        before = figures(subject, held_out, {})
        report = DeepLearningLoop(MemoryService(subject.memory), None, config).run_once()
        catalog, merged = subject.memory._state.catalog, subject.memory._state.order.merged
        names = {str(catalog.id(s)): str(catalog.id(p)) for s, p in merged.items()}
        after = figures(subject, held_out, names)
    print(f"{folder.name}: before {before}, after {after}")
    print(f"merged {report.compression.nodes_merged}, dreamt {report.dreams}")
    return report, before, after


@pytest.mark.parametrize("name", ["mem_locomo_dev", "ret_cranfield"])
def test_a_full_run_loses_no_answers(data: Path, tmp_path: Path, name: str) -> None:
    config = DeepLearningConfig(num_dreams=4000, dream_length=12, dream_novelty=0.1)
    report, before, after = run(data / name, tmp_path / "m.db", config)
    assert report.transfer.domains > 1
    assert after["ndcg10"] >= before["ndcg10"] - 0.002
    assert after["recall10"] >= before["recall10"] - 0.002
    assert after["mrr_linked"] >= before["mrr_linked"]
