from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.policy.replay_buffer import INTERACTION, Imported, ReplayBuffer, ReplayEntry
from engrain.storage import EventLog


def entry(number: int, *ids: str) -> ReplayEntry:
    where = list(range(len(ids)))
    return ReplayEntry(
        np.full(4, number, np.float32),
        where,
        [0.5] * len(ids),
        f"s{number}",
        0.5,
        0.1,
        ids,
    )


def numbers(buffer: ReplayBuffer) -> list[int]:
    return [int(held.strategy_id[1:]) for held in buffer.entries()]


Opener = Callable[..., ReplayBuffer]


@pytest.fixture(params=["memory", "file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    path = tmp_path / "replay.db" if request.param == "file" else None
    return lambda capacity, **options: ReplayBuffer(capacity, path, **options)


def test_the_oldest_gives_way(opened: Opener) -> None:
    with opened(3) as buffer:
        for number in range(7):
            buffer.add(entry(number))
            assert len(buffer) == min(number + 1, 3)
        assert numbers(buffer) == [4, 5, 6]
        assert buffer.capacity == 3


def test_draws_different_entries_and_no_more_than_there_are(opened: Opener) -> None:
    with opened(100) as buffer:
        assert buffer.sample(4) == []
        for number in range(40):
            buffer.add(entry(number))
        for n in (1, 7, 19, 20, 21, 40, 60):
            drawn = [held.strategy_id for held in buffer.sample(n)]
            assert len(drawn) == len(set(drawn)) == min(n, 40)


def test_same_seed_same_draws(opened: Opener) -> None:
    with opened(50, seed=3) as a, ReplayBuffer(50, seed=3) as b, ReplayBuffer(50, seed=4) as c:
        for number in range(50):
            for buffer in (a, b, c):
                buffer.add(entry(number))
        drawn = [[held.strategy_id for held in x.sample(10)] for x in (a, b, c)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("n", [1, 30])
def test_recent_entries_come_back_more_often(n: int) -> None:
    with ReplayBuffer(50, seed=1) as buffer:
        for number in range(75):
            buffer.add(entry(number))
        seen = Counter(held.strategy_id for _ in range(40_000 // n) for held in buffer.sample(n))
    share = np.array([seen[f"s{number}"] for number in range(25, 75)]) / sum(seen.values())
    weight = np.exp(2.0 * np.arange(50) / 50)
    if n == 1:
        expected = weight / weight.sum() * 40_000
        chi2 = float((((share * 40_000) - expected) ** 2 / expected).sum())
        assert chi2 < 85.4  # 99.9 % quantile at 49 degrees of freedom
    assert share[40:].sum() > 1.2 * share[:10].sum()
    assert (share > 0).all()


def test_without_recency_all_are_alike() -> None:
    with ReplayBuffer(20, seed=1) as buffer:
        for number in range(20):
            buffer.add(entry(number))
        seen = Counter(
            buffer.sample(1, prioritize_recent=False)[0].strategy_id for _ in range(8000)
        )
    counts = np.array(list(seen.values()))
    assert float(((counts - 400) ** 2 / 400).sum()) < 43.8  # 99.9 % at 19 degrees of freedom


def test_priorities_steer_and_survive(tmp_path: Path) -> None:
    with ReplayBuffer(8, tmp_path / "r.db", alpha=1.0) as buffer:
        for number in range(8):
            buffer.add(entry(number), priority=0.0 if number != 5 else 2.0)
        batch = buffer.sample_prioritized(6)
        assert {held.strategy_id for held in batch.entries} == {"s5"}
        np.testing.assert_array_equal(batch.weights, np.ones(6))
        buffer.update_priorities(np.array([5, 2]), np.array([0.0, 1.0], np.float32))
    with ReplayBuffer(8, tmp_path / "r.db", alpha=1.0) as buffer:
        assert {held.strategy_id for held in buffer.sample_prioritized(6).entries} == {"s2"}
        buffer.update_priorities(np.array([2]), np.zeros(1, np.float32))
        with pytest.raises(ConfigError):
            buffer.sample_prioritized(2)


def test_reopens_as_it_was(tmp_path: Path) -> None:
    for round in range(4):
        with ReplayBuffer(5, tmp_path / "r.db") as buffer:
            for number in range(3 * round, 3 * round + 3):
                buffer.add(entry(number, f"m{number}"))
        with ReplayBuffer(5, tmp_path / "r.db") as buffer:
            last = 3 * round + 3
            assert numbers(buffer) == list(range(max(0, last - 5), last))
            assert buffer.sample(1)[0].memory_ids
            assert buffer.lost == ()


def test_a_lost_or_damaged_index_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    index = tmp_path / "r.db.replay"
    with ReplayBuffer(5, path) as buffer:
        for number in range(12):
            buffer.add(entry(number))
    whole = index.read_bytes()
    for damaged in (b"", whole[:50], b"\xff" * len(whole), whole[:-1] + b"\x77"):
        index.write_bytes(damaged)
        with ReplayBuffer(5, path) as buffer:
            assert numbers(buffer) == [7, 8, 9, 10, 11]


def test_an_index_of_another_log_is_not_believed(tmp_path: Path) -> None:
    for name in "ab":
        with ReplayBuffer(5, tmp_path / name) as buffer:
            for number in range(4):
                buffer.add(entry(number + (10 if name == "b" else 0)))
    (tmp_path / "a.replay").replace(tmp_path / "b.replay")
    with ReplayBuffer(5, tmp_path / "b") as buffer:
        assert numbers(buffer) == [10, 11, 12, 13]
    with ReplayBuffer(9, tmp_path / "b") as buffer:
        assert numbers(buffer) == [10, 11, 12, 13]


def corrupt(path: Path, seq: int) -> None:
    """Flip one bit of the payload of one event."""
    connection = sqlite3.connect(path)
    ((key, body),) = connection.execute(
        "SELECT key, body FROM payload WHERE key / 16 % (1 << 40) = ?", (seq,)
    ).fetchall()
    damaged = bytearray(body)
    damaged[len(damaged) // 2] ^= 1
    connection.execute("UPDATE payload SET body = ? WHERE key = ?", (bytes(damaged), key))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("with_index", [True, False])
def test_a_damaged_record_loses_itself_only(tmp_path: Path, with_index: bool) -> None:
    path = tmp_path / "r.db"
    with ReplayBuffer(10, path) as buffer:
        seqs = [buffer.add(entry(number)) for number in range(10)]
    corrupt(path, seqs[3])
    corrupt(path, seqs[9])
    if not with_index:
        (tmp_path / "r.db.replay").unlink()
    with ReplayBuffer(10, path) as buffer:
        assert numbers(buffer) == [0, 1, 2, 4, 5, 6, 7, 8]
        assert set(buffer.lost) == {seqs[3], seqs[9]}
        assert len(buffer) == len(buffer.sample(20)) == 8
        batch = buffer.sample_prioritized(64)
        assert "s3" not in {held.strategy_id for held in batch.entries}
        buffer.add(entry(10))
        assert numbers(buffer)[-1] == 10


def test_what_left_the_ring_leaves_the_log(tmp_path: Path) -> None:
    with ReplayBuffer(2, tmp_path / "r.db") as buffer:
        for number in range(6):
            buffer.add(entry(number))
    with EventLog.open(tmp_path / "r.db", epoch=1) as log:
        held = [event.payloads[0] is not None for event in log.events(types=(INTERACTION,))]
        assert log.verify().ok
    assert held == [False] * 4 + [True] * 2


def test_shares_a_log_with_other_events(tmp_path: Path) -> None:
    with EventLog.open(tmp_path / "shared.db", epoch=1, tenant="a/b") as log:
        buffer = ReplayBuffer(4, log=log)
        for number in range(3):
            log.append("note", [b"something else"])
            buffer.add(entry(number))
        buffer.close()
        log.append("note", [b"after"])
        again = ReplayBuffer(4, log=log)
        assert numbers(again) == [0, 1, 2]
        again.add(entry(3))
        assert numbers(again) == [0, 1, 2, 3]


def test_reads_a_log_that_it_may_not_write(tmp_path: Path) -> None:
    with ReplayBuffer(4, tmp_path / "r.db") as buffer:
        buffer.add(entry(1))
    with EventLog.open(tmp_path / "r.db", epoch=1, mode="r") as log:
        assert numbers(ReplayBuffer(4, log=log)) == [1]


def test_jsonl_goes_out_and_comes_in(tmp_path: Path, opened: Opener) -> None:
    with opened(10) as buffer:
        for number in range(6):
            buffer.add(entry(number, "a", "b"))
        assert buffer.export_jsonl(tmp_path / "out.jsonl") == 6
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    lines[2:2] = ["", "{torn", '{"situation_emb": [1]}', "[]"]
    (tmp_path / "out.jsonl").write_text("\n".join(lines))
    with ReplayBuffer(10) as other:
        assert other.import_jsonl(tmp_path / "out.jsonl") == Imported(6, (4, 5, 6))
        assert numbers(other) == list(range(6))
        assert [held.memory_ids for held in other.entries()] == [("a", "b")] * 6


def test_a_buffer_is_not_changed_through_what_it_handed_out() -> None:
    with ReplayBuffer(3) as buffer:
        vector = np.ones(4, np.float32)
        buffer.add(ReplayEntry(vector, [], [], "s1", 0.5, 0.0))
        vector[:] = 9
        (held,) = buffer.sample(1)
        assert held.situation_emb.tolist() == [1, 1, 1, 1]
        assert not held.situation_emb.flags.writeable


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="capacity"):
        ReplayBuffer(0)
    with EventLog.open(tmp_path / "l.db", epoch=1) as log, pytest.raises(ConfigError, match="path"):
        ReplayBuffer(3, tmp_path / "r.db", log=log)
    with ReplayBuffer(3) as buffer:
        for priority in (-1.0, np.nan, np.inf):
            with pytest.raises(ConfigError, match="priority"):
                buffer.add(entry(1), priority)
        assert len(buffer) == 0
