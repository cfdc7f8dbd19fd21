from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import NonFiniteError
from engrain.kernels.journal import LARGE, MAX_BYTES, Group, Journal
from engrain.storage.chain import (
    FIXED,
    GENESIS,
    SALT_BYTES,
    Header,
    commitment,
    decode,
    link,
)
from engrain.storage.schema import AT_MASK, INDEX_BITS, KEY_SHIFT, SIZE_BITS, SIZE_MASK


def journal(
    tenant: str = "tenant", *, group_seconds: float = 60.0, group_events: int = 1000
) -> Journal:
    return Journal(
        0, GENESIS, float("-inf"), tenant, group_seconds=group_seconds, group_events=group_events
    )


def append(to: Journal, payloads: Any = (), **changes: Any) -> tuple[int, bytes]:
    plain = {"type": "kind", "schema": 1, "time": 1.0, "epoch": 1, "critical": False}
    return to.append(payloads=payloads, **{**plain, **changes})


def taken(held: Journal) -> Group:
    group = held.take()
    assert group is not None
    return group


def cut(parts: memoryview, places: str) -> dict[int, bytes]:
    """Return the parts by their row, counted from the group's first event."""
    found = {}
    for place in json.loads(places):
        at, size = (place >> SIZE_BITS & AT_MASK) - 1, place & SIZE_MASK
        found[place >> KEY_SHIFT] = bytes(parts[at : at + size])
    return found


def headers(group: Group) -> list[tuple[bytes, bytes]]:
    """Return hash and header of each event."""
    _, heads, events, *_ = group.row(0)
    return [(part[:32], part[32:]) for part in cut(heads, events).values()]


def bodies(group: Group) -> dict[tuple[int, int], bytes]:
    """Return the payloads in stored form by number of event and index."""
    *_, parts, places, _, _ = group.row(0)
    mask = (1 << INDEX_BITS) - 1
    return {(row >> INDEX_BITS, row & mask): part for row, part in cut(parts, places).items()}


def decoded(group: Group) -> list[Header]:
    return [decode(header) for _, header in headers(group)]


def test_an_event_follows_its_predecessor() -> None:
    held = journal()
    append(held, [b"one", bytearray(b"two"), memoryview(b"three")])
    head = append(held, schema=7, epoch=-3, critical=True)
    assert held.head() == head
    assert (held.seq, held.waiting, held.payload_bytes) == (2, 2, 3 * SALT_BYTES + 11)
    group = taken(held)
    assert (len(group), group.first, group.newest, held.waiting) == (2, 1, 2, 0)
    assert [body[SALT_BYTES:] for body in bodies(group).values()] == [b"one", b"two", b"three"]
    first, second = decoded(group)
    assert (first.seq, first.type, first.tenant, first.payloads) == (1, "kind", "tenant", 3)
    assert (second.schema, second.epoch, second.critical) == (7, -3, True)
    assert held.take() is None


@given(
    st.lists(st.lists(st.binary(max_size=300), max_size=16), min_size=1, max_size=8),
    st.text(max_size=20),
    st.text(min_size=1, max_size=20),
)
def test_hashes_are_those_of_hashlib(events: list[list[bytes]], tenant: str, type: str) -> None:
    held = journal(tenant)
    given_out = [append(held, payloads, type=type)[1] for payloads in events]
    group, before = taken(held), GENESIS
    stored = bodies(group)
    for number, (digest, header) in enumerate(headers(group)):
        assert digest == link(before, header) == given_out[number]
        before = digest
        parts = [stored[number, index] for index in range(len(events[number]))]
        assert [part[SALT_BYTES:] for part in parts] == events[number]
        assert decode(header).commitments == b"".join(map(commitment, parts))
        assert (decode(header).tenant, decode(header).type) == (tenant, type)


def test_large_payloads_stand_beside_the_others() -> None:
    held, last = journal(), LARGE - SALT_BYTES - 1
    append(held, [b"s" * last, b"l" * (last + 1), b"m" * last], brings="state")
    append(held, [b"plain"])
    group = taken(held)
    ((seq, ((large,), brings)),) = group.beside.items()
    assert (seq, large[0], large[1][SALT_BYTES:], brings) == (1, 1, b"l" * (last + 1), "state")
    assert set(bodies(group)) == {(0, 0), (0, 2), (1, 0)}
    assert held.payload_bytes == 2 * (LARGE - 1) + LARGE + SALT_BYTES + 5
    second = decoded(group)[0].commitments[32:64]
    assert second == hashlib.sha256(large[1]).digest()


def test_no_salt_is_given_out_twice() -> None:
    held = journal()
    for number in range(300):
        append(held, [b"1234"] * (number % 17))
    salts = [body[:SALT_BYTES] for body in bodies(taken(held)).values()]
    assert len(set(salts)) == len(salts) > 2000
    commitments = b"".join(salts)
    assert len(set(commitments)) == 256


def test_time_never_runs_backwards() -> None:
    year, held = 365.0 * 86400, journal()
    for moment in (1e9, 1e9 - year, 1e9 + 1, 1e9 + year, 1e9 + 2):
        append(held, time=moment)
    times = [header.time for header in decoded(taken(held))]
    assert times == [1e9, 1e9, 1e9 + 1, 1e9 + year, 1e9 + year]
    assert held.time == 1e9 + year


@pytest.mark.parametrize(
    ("payloads", "changes", "error"),
    [
        (["text"], {}, TypeError),
        ([b"good", None], {}, TypeError),
        (b"bytes", {}, TypeError),
        ([memoryview(b"12345678")[::2]], {}, TypeError),
        ([b""] * 17, {}, ValueError),
        ([bytes(MAX_BYTES + 1)], {}, ValueError),
        ([], {"schema": -1}, ValueError),
        ([], {"schema": 1 << 32}, ValueError),
        ([], {"time": float("nan")}, NonFiniteError),
        ([], {"time": float("inf")}, NonFiniteError),
        ([], {"time": float("-inf")}, NonFiniteError),
        ([], {"type": 5}, TypeError),
        ([], {"type": ""}, ValueError),
        ([], {"type": "ä" * 128}, ValueError),
    ],
)
def test_bad_arguments_are_named_and_change_nothing(
    payloads: Any, changes: Any, error: type[Exception]
) -> None:
    held = journal()
    head = append(held, [b"1"])
    with pytest.raises(error, match=r"payloads|schema|time|type"):
        append(held, payloads, **changes)
    assert (held.head(), held.waiting) == (head, 1)
    append(held, [b"2"])
    assert [header.seq for header in decoded(taken(held))] == [1, 2]


def test_a_head_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="hash"):
        Journal(0, b"short", 0.0, "t", group_seconds=1.0, group_events=1)
    with pytest.raises(ValueError, match="tenant"):
        journal("t" * 65_536)


def test_the_longest_names_fit() -> None:
    held = journal("t" * 65_535)
    append(held, [b""] * 16, type="k" * 255)
    ((_, header),) = headers(taken(held))
    assert len(header) == FIXED.size + 255 + 65_535 + 16 * 32


def test_groups_are_cut_at_their_size_and_used_again() -> None:
    held = journal(group_events=10)
    for number in range(25):
        append(held, [b"%d" % number], type=f"kind {number % 3}")
    held.drop(77)
    sizes = []
    while (group := held.take()) is not None:
        first = group.first
        assert [header.seq for header in decoded(group)] == [*range(first, first + len(group))]
        assert set(json.loads(group.row(0)[5])) == {"kind 0", "kind 1", "kind 2"}
        sizes.append((len(group), group.drops))
        held.recycle(group)
    assert sizes == [(10, []), (10, []), (5, [77])]
    assert (held.waiting, held.dropping) == (0, 0)
    append(held, [b"again"])
    group = taken(held)
    assert (group.first, len(group), group.drops, group.beside) == (26, 1, [], {})
    assert json.loads(group.row(0)[5]) == {"kind": False}


def test_drops_alone_are_a_group_without_events() -> None:
    held = journal()
    held.drop(3)
    group = taken(held)
    assert (len(group), group.newest, group.drops) == (0, 0, [3])
    assert group.row(0)[2::2] == ("[]", "[]", "[3]")


def test_payloads_are_let_go() -> None:
    held, payload = journal(), bytearray(b"content")
    append(held, [payload])
    payload.append(0)  # refused with BufferError while a view of it is held
    with pytest.raises(TypeError):
        append(held, [payload, 5])
    payload.append(0)


def gathered(held: Journal, *, failed: bool = False) -> tuple[threading.Thread, list[float]]:
    """Have a thread gather, and note when it was done."""
    done: list[float] = []

    def work() -> None:
        held.gather(failed)
        done.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    return thread, done


def test_a_group_is_due_some_time_after_its_first_event() -> None:
    held = journal(group_seconds=0.2)
    thread, done = gathered(held)
    time.sleep(0.05)
    begin = time.monotonic()
    append(held)
    time.sleep(0.1)
    append(held)
    assert not done
    thread.join(10)
    assert 0.19 <= done[0] - begin < 5.0


def test_a_full_group_is_due_at_once() -> None:
    held = journal(group_events=3)
    thread, done = gathered(held)
    append(held)
    append(held)
    time.sleep(0.05)
    assert not done
    append(held)
    thread.join(10)
    assert done


@pytest.mark.parametrize("failed", [False, True])
def test_a_hurry_ends_the_wait(failed: bool) -> None:
    held = journal(group_events=1)
    if failed:
        append(held)
    thread, done = gathered(held, failed=failed)
    time.sleep(0.05)
    assert not done
    held.hurry()
    thread.join(10)
    assert done
    held.hurry()
    held.gather(failed)  # a hurry before the wait counts as well


def test_no_call_of_the_bell_is_lost() -> None:
    held, seen = journal(group_seconds=0.0), 0
    total, threads = 5_000, 3

    def work() -> None:
        for _ in range(total):
            append(held)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    while seen < total * threads:
        held.gather(False)
        while (group := held.take()) is not None:
            seen += len(group)
            held.recycle(group)
    for worker in workers:
        worker.join()
    assert held.seq == seen == total * threads
