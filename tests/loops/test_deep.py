from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engrain.loops import DeepLearningConfig, DeepLearningLoop, MemoryService, TouchedQueue
from engrain.loops.neighbours import unit_bfloat16
from engrain.loops.patterns import LearnedPattern, ReasoningBank
from engrain.loops.replay import LoggedQuestion
from engrain.loops.schedule import WEEK, WeeklySchedule
from engrain.loops.signals import EdgeType
from engrain.memory import Memory
from tests.loops.planted import DAY, NOW, archive, topics

CONFIG = DeepLearningConfig(num_dreams=300, strengthen_cosine=0.3, high_value_quality=0.5)


def bank_of(rows: np.ndarray) -> ReasoningBank:
    bank = ReasoningBank(rows.shape[1], merge_cosine=1.0)
    for row in rows:
        bank.store(LearnedPattern(row, 0.9, size=3.0))
    return bank


def test_every_phase_acts_and_reports() -> None:
    store = archive(0, 400)
    store.vectors[17] = store.vectors[18]
    bank = bank_of(topics(0, 400)[0][:120])
    seen: list[str] = []
    config = replace(CONFIG, neighbours=60)  # beyond a topic, so that domains are linked
    loop = DeepLearningLoop(store, bank, config, clock=lambda: NOW)
    report = loop.run_once(progress=seen.append)
    assert seen[0] == "neighbours"
    assert len(seen) == 7
    assert report.mode == "full"
    assert report.consolidation.edges_strengthened > 0
    assert report.consolidation.nodes_decayed > 0
    assert report.abstraction.meta_patterns_created > 0
    assert report.dreams.dreams_generated == 300
    assert report.transfer.domains == 8
    assert report.compression.nodes_merged == 1
    assert report.compression.final_nodes == 399
    assert report.phi > 0
    assert loop.last_report is report
    assert json.loads(report.to_json())["compression"]["nodes_merged"] == 1
    assert "nodes_merged: 1" in report.to_text()
    assert "<td>399</td>" in report.to_html()
    concepts = [p for p in bank.get_all_patterns().values() if p.abstraction_level > 0]
    assert len(concepts) == report.abstraction.meta_patterns_created
    assert [change.phase for change in store.changes] == [
        "consolidation",
        "dreams",
        "transfer",
        "compression",
        "finished",
    ]


def test_a_dry_run_reports_the_same_and_does_nothing() -> None:
    store = archive(1, 300)
    store.vectors[3] = store.vectors[4]
    bank = bank_of(topics(1, 60)[0])
    loop = DeepLearningLoop(store, bank, CONFIG, clock=lambda: NOW)
    patterns = len(bank)
    dry = loop.run_once(dry_run=True)
    assert dry.dry_run
    assert store.changes == []
    assert len(bank) == patterns
    real = loop.run_once()
    for name in ("consolidation", "abstraction", "dreams", "transfer", "compression"):
        assert getattr(dry, name) == getattr(real, name)


def test_dreams_that_logged_questions_prove_stay_and_others_expire() -> None:
    rows, _ = topics(2, 400, groups=4)
    near = np.argsort(-(rows @ rows.T), axis=1)
    asked = [
        LoggedQuestion(near[i, :10], near[i, [30 + i % 5]]) for i in range(60) for _ in range(2)
    ]
    store = archive(2, 400, questions=tuple(asked))
    config = DeepLearningConfig(num_dreams=3000, dream_length=8, dream_novelty=0.1)
    loop = DeepLearningLoop(store, None, config, clock=lambda: NOW)
    store.vectors = unit_bfloat16(rows)
    report = loop.run_once()
    creative = store.links.kinds == int(EdgeType.Creative)
    assert report.dreams.novel_connections == creative.sum() > 0
    assert report.dreams.mrr_after > report.dreams.mrr_before
    store.questions = ()
    forgotten = loop.run_once()
    assert forgotten.dreams.expired == report.dreams.novel_connections
    assert not (store.links.kinds == int(EdgeType.Creative)).any()


def test_merges_that_hide_answers_are_refused() -> None:
    plain = archive(3, 200)
    for i in range(12):  # twelve copies: a merge would show eleven other answers less
        plain.vectors[i] = plain.vectors[0]
    ranked = np.concatenate([np.arange(12), np.arange(100, 140)])
    asked = tuple(LoggedQuestion(ranked, np.array([0, 150 + i])) for i in range(3))
    plain.questions = asked
    merged = DeepLearningLoop(plain, None, CONFIG, clock=lambda: NOW).run_once().compression
    assert merged.nodes_merged == 11
    assert merged.recall_after >= merged.recall_before
    strict = archive(3, 200)
    for i in range(12):
        strict.vectors[i] = strict.vectors[0]
    order = np.array([5, 20, 21, 22, 23, 24, 25, 26, 27, 28, 0])
    strict.questions = (LoggedQuestion(order, np.array([5])),) * 3
    refused = DeepLearningLoop(strict, None, CONFIG, clock=lambda: NOW).run_once().compression
    assert refused.refused == 11
    assert refused.nodes_merged == 0
    assert refused.ndcg_after == refused.ndcg_before


def test_what_the_background_touched_is_looked_at_alone() -> None:
    store, inbox = archive(4, 500), TouchedQueue()
    loop = DeepLearningLoop(store, None, CONFIG, inbox=inbox, clock=lambda: NOW)
    assert loop.run_once().mode == "full"  # nothing is known yet
    inbox.put(memories=[3, 4, 5])
    store.extend(store.vectors[:2].copy())
    report = loop.run_once()
    assert (report.mode, report.memories, report.looked_at) == ("incremental", 502, 5)
    assert report.compression.nodes_merged == 2
    inbox.put(memories=range(2000))
    assert loop.run_once().mode == "full"
    assert loop.run_once(full=True).mode == "full"


def test_a_survey_serves_the_next_process(tmp_path: Path) -> None:
    store, inbox = archive(5, 300), TouchedQueue()
    DeepLearningLoop(store, folder=tmp_path, inbox=inbox, clock=lambda: NOW).run_once()
    inbox.put(memories=[1])
    again = DeepLearningLoop(store, folder=tmp_path, inbox=inbox, clock=lambda: NOW)
    assert again.run_once().mode == "incremental"


def test_a_failed_run_returns_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    store, inbox = archive(6, 100), TouchedQueue()
    loop = DeepLearningLoop(store, inbox=inbox, clock=lambda: NOW)
    inbox.put(memories=[1, 2])

    def fail() -> None:
        raise OSError("disk")

    monkeypatch.setattr(loop, "compress_memory", fail)
    with pytest.raises(OSError, match="disk"):
        loop.run_once()
    assert inbox.take().memories == (1, 2)
    assert store.progress().interrupted
    monkeypatch.undo()
    report = loop.run_once()
    assert report.mode == "full"
    phases = [change.phase for change in store.changes]
    assert len(phases) == len(set(phases)) == 5
    assert {change.run for change in store.changes} == {1}


class SimulatedStop(threading.Event):
    """Waits by setting a simulated clock on; set when the end is reached."""

    def __init__(self, now: list[float], end: float) -> None:
        super().__init__()
        self._now, self._end = now, end

    def wait(self, timeout: float | None = None) -> bool:
        self._now[0] += max(timeout or 0.0, 1.0)
        return self._now[0] >= self._end


def test_a_year_fires_every_sunday_at_three_exactly_once() -> None:
    start = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    now = [start]
    fired: list[float] = []
    loop = DeepLearningLoop(archive(7, 8), clock=lambda: now[0])
    loop.run_once = lambda **_: fired.append(now[0])  # type: ignore[method-assign,assignment]
    loop.run(SimulatedStop(now, start + 365 * DAY))
    moments = [WeeklySchedule().latest(at) for at in fired]
    assert moments == [moments[0] + i * WEEK for i in range(52)]
    for at, moment in zip(fired, moments, strict=True):
        assert 0 <= at - moment < 120
        when = datetime.fromtimestamp(moment, UTC)
        assert (when.weekday(), when.hour, when.minute, when.second) == (6, 3, 0, 0)


def test_missed_runs_are_made_up_once() -> None:
    now = [NOW]
    store = archive(8, 40)
    loop = DeepLearningLoop(store, clock=lambda: now[0])
    loop.run_once()
    assert store.progress().run == 1
    now[0] += 3.5 * WEEK
    later = DeepLearningLoop(store, clock=lambda: now[0])
    later.run(SimulatedStop(now, now[0] + DAY))
    assert store.progress().run == 2


def test_a_memory_is_reorganised_and_every_change_undone(tmp_path: Path) -> None:
    rows, _ = topics(9, 150)
    now = [NOW - 90 * DAY]
    with Memory(tmp_path / "m.db", dim=rows.shape[1], clock=lambda: now[0]) as memory:
        for i, row in enumerate(rows):
            memory.remember(f"note {i} of it", vector=row, id=i, time=NOW - 900 * DAY)
        loop = DeepLearningLoop(MemoryService(memory), None, CONFIG, clock=lambda: now[0])
        assert loop.run_once().consolidation.nodes_decayed == 0  # nobody could have used them
        now[0] = NOW
        memory.remember("Note 7 of it!", vector=rows[7], id="copy", time=NOW - DAY)
        for i in range(0, 60, 2):
            memory.judge("what", {i: 1.0}, vector=rows[i] + 0.1 * rows[i + 1])
        before = memory.recall("note 7", vector=rows[7], k=5, log=False)
        report = loop.run_once()
        assert report.compression.nodes_merged == 1
        assert report.consolidation.nodes_decayed > 0
        seqs = range(memory.flush().seq, 0, -1)
        shown = memory.recall("note 7", vector=rows[7], k=150, log=False).hits
        assert ("copy" in [h.id for h in shown]) != (7 in [h.id for h in shown])
        undone = 0
        for seq in seqs:
            if memory._log.read(seq).type == "reorganised":
                memory.undo(seq)
                undone += 1
        assert undone == 10
        after = memory.recall("note 7", vector=rows[7], k=5, log=False)
        assert [(h.id, h.score) for h in after.hits] == [(h.id, h.score) for h in before.hits]
        stats = memory.stats()
        assert (stats["links"], stats["merged"], stats["faded"]) == (0, 0, 0)
        assert memory.verify().ok
