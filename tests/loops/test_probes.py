from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.errors import ConfigError
from engrain.loops import BackgroundLearningConfig, FrozenProbes, LoopCoordinator, SONAConfig

DIM, FACTS = 32, 30
AXES = np.eye(DIM, dtype=np.float32)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "m.db", dim=DIM) as made:
        for i in range(FACTS):
            made.remember(f"fact {i}", vector=AXES[i], id=i)
        yield made


def judged(memory: Memory, answers: range) -> list[int]:
    return [memory.judge(None, {i: 1.0}, vector=AXES[i]).seq for i in answers]


def test_what_is_answered_is_frozen_and_asked_again(memory: Memory) -> None:
    wrong = memory.judge(None, {29: 1.0}, vector=-AXES[29]).seq
    for _ in range(3):  # the same question, answered otherwise
        memory.judge(None, {28: 1.0}, vector=-AXES[29])
    probes, seqs = FrozenProbes(), judged(memory, range(4))
    assert memory.retest([*seqs, wrong], k=1) == {**dict.fromkeys(seqs, True), wrong: False}
    assert probes.freeze(memory, seqs) == len(probes) == 4
    assert probes.retest(memory) == (4, 4)
    before = memory.state_hash
    probes.retest(memory)
    assert memory.state_hash == before


def test_what_was_unlearned_is_lost_and_what_was_forgotten_on_purpose_is_not_asked(
    memory: Memory,
) -> None:
    for _ in range(30):  # until evidence outweighs the vectors
        learned = memory.judge(None, {20: 1.0}, vector=AXES[5]).seq
    probes = FrozenProbes()
    assert probes.freeze(memory, [*judged(memory, range(2)), learned]) == 3
    memory.forget(1, erase=False)
    assert probes.retest(memory) == (2, 2)
    memory.rollback(memory.lessons()[0].seq - 1)
    assert probes.retest(memory) == (2, 1)
    assert len(probes) == 2


def test_the_oldest_probes_stay_and_survive_in_a_state(memory: Memory) -> None:
    probes, other = FrozenProbes(capacity=5), FrozenProbes(capacity=5)
    first, second = judged(memory, range(8)), judged(memory, range(8, 12))
    assert probes.freeze(memory, first) == 5
    assert probes.freeze(memory, second) == 0
    other.load(probes.state())
    np.testing.assert_array_equal(other.state()["seqs"], probes.state()["seqs"])
    assert other.retest(memory) == (5, 5)
    assert FrozenProbes().freeze(memory, []) == 0
    with pytest.raises(ConfigError, match="capacity"):
        FrozenProbes(0)


def test_the_background_loop_measures_retention(memory: Memory, tmp_path: Path) -> None:
    background = BackgroundLearningConfig(num_clusters=4, checkpoint_dir=tmp_path / "loops")
    sona = SONAConfig(dim=DIM, models=1, hidden=4, background=background)
    loops = LoopCoordinator(sona, memory=memory)
    judged(memory, range(12))
    assert loops.run_background().probes_asked == 0
    judged(memory, range(12, 24))
    report = loops.run_background()
    assert (report.probes_asked, report.probes_retained) == (12, 12)
    assert loops.metrics.metrics(loops.clock()).retention_rate_7d == 1.0
    again = LoopCoordinator(sona, memory=memory)
    assert len(again.background_loop.probes) == 24
