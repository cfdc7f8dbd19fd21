from __future__ import annotations

import pytest

from engrain.base.errors import UnknownIdError
from engrain.storage import EventLog


def test_chosen_events_come_in_the_order_given(log: EventLog) -> None:
    for number in range(500):
        log.append("kind", [b"%d" % number])
    events = list(log.events())
    chosen = [7, 8, 9, 3, 3, 500, 1, 2]
    assert list(log.read_many(chosen)) == [events[seq - 1] for seq in chosen]
    assert list(log.read_many([])) == []


def test_an_event_that_is_not_there_is_named(log: EventLog) -> None:
    log.append("kind", [])
    for seq in (0, 2):
        with pytest.raises(UnknownIdError, match=str(seq)):
            log.read(seq)
        with pytest.raises(UnknownIdError, match=str(seq)):
            log.read_many([1, seq])


def test_large_payloads_are_read_in_small_portions(log: EventLog) -> None:
    for number in range(40):
        log.append("large", [bytes([number]) * (1 << 20)])
    assert [event.payloads[0][:1] for event in log.events() if event.payloads[0]] == [
        bytes([number]) for number in range(40)
    ]
