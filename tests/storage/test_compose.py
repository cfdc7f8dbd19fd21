from __future__ import annotations

from typing import Any

import pytest

from engrain.base.errors import NonFiniteError
from engrain.storage.chain import GENESIS, decode, link
from engrain.storage.compose import POOL, RandomPool, compose
from engrain.storage.entry import Entry

FIRST = Entry(0, GENESIS, float("-inf"))
PLAIN = {"schema": 1, "time": 1.0, "epoch": 1, "critical": False}


def make(last: Entry, payloads: Any = (), **changes: Any) -> Entry:
    return compose(last, "tenant", "kind", payloads, **{**PLAIN, **changes})


def test_an_entry_follows_its_predecessor() -> None:
    first = make(FIRST, [b"one", bytearray(b"two"), memoryview(b"three")])
    second = make(first, schema=7, epoch=-3, critical=True)
    assert (first.seq, second.seq) == (1, 2)
    assert [body[16:] for body in first.bodies] == [b"one", b"two", b"three"]
    assert second.hash == link(first.hash, second.header)
    header = decode(second.header)
    assert (header.schema, header.epoch, header.critical) == (7, -3, True)


def test_equal_payloads_have_different_commitments() -> None:
    one, other = make(FIRST, [b"1234", b"1234"]), make(FIRST, [b"1234", b"1234"])
    commitments = decode(one.header).commitments + decode(other.header).commitments
    assert len({commitments[i : i + 32] for i in range(0, 128, 32)}) == 4


def test_time_never_runs_backwards() -> None:
    year = 365.0 * 86400
    entry, times = FIRST, []
    for time in (1e9, 1e9 - year, 1e9 + 1, 1e9 + year, 1e9 + 2):
        entry = make(entry, time=time)
        times.append(entry.time)
    assert times == [1e9, 1e9, 1e9 + 1, 1e9 + year, 1e9 + year]


@pytest.mark.parametrize("time", [float("nan"), float("inf"), float("-inf")])
def test_a_time_that_is_none_is_refused(time: float) -> None:
    with pytest.raises(NonFiniteError, match="time"):
        make(FIRST, time=time)


@pytest.mark.parametrize(
    ("payloads", "changes", "error"),
    [
        (["text"], {}, TypeError),
        ([None], {}, TypeError),
        (b"bytes", {}, TypeError),
        ([b""] * 17, {}, ValueError),
        ([bytes(65)], {}, ValueError),
        ([], {"schema": -1}, ValueError),
        ([], {"schema": 1 << 32}, ValueError),
    ],
)
def test_bad_arguments_are_named(
    payloads: Any, changes: Any, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engrain.storage.compose.MAX_BYTES", 64)
    with pytest.raises(error, match=r"payloads|schema"):
        make(FIRST, payloads, **changes)


def test_a_pool_gives_out_no_byte_twice() -> None:
    pool = RandomPool()
    sizes = [16, 48, POOL, 1, POOL + 5, 16] + [32] * (POOL // 16)
    given = [pool.take(size) for size in sizes]
    assert [len(part) for part in given] == sizes
    whole = [part for part in given if len(part) >= 16]
    assert len(set(whole)) == len(whole)


def test_salts_come_from_the_source_given() -> None:
    entry = make(FIRST, [b"one", b"two"], random=lambda size: bytes(range(size)))
    assert [body[:16] for body in entry.bodies] == [bytes(range(16)), bytes(range(16, 32))]
