"""The events of a memory, and the bytes that say them.

An event's payloads are separate blocks, so that each can be dropped by itself: content can be
erased, rows expire. Everything that replay needs is in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import StorageError
from engrain.memory.codec import Arrays, pack, unpack
from engrain.memory.question import Question
from engrain.storage import Event

CREATED = "created"
COLUMNS = "columns"
REMEMBERED = "remembered"
FORGOTTEN = "forgotten"
LINKED = "linked"
SCOPED = "scoped"
RECALLED = "recalled"
FED_BACK = "fed_back"
JUDGED = "judged"
REFITTED = "refitted"
PLACED = "placed"
ROLLED_BACK = "rolled_back"
ADOPTED = "adopted"
REORGANISED = "reorganised"

TYPES = frozenset(
    {
        CREATED,
        COLUMNS,
        REMEMBERED,
        FORGOTTEN,
        LINKED,
        SCOPED,
        RECALLED,
        FED_BACK,
        JUDGED,
        REFITTED,
        PLACED,
        ROLLED_BACK,
        ADOPTED,
        REORGANISED,
    }
)

# Events that only teach: a rollback leaves them out of the replay, contents stay.
LESSONS = frozenset({FED_BACK, JUDGED, REFITTED, ADOPTED, REORGANISED})

# Payloads of recalled and judged events, by index.
QUESTION, ROWS = 1, 2


def simple(meta: dict[str, Any], arrays: Arrays | None = None) -> list[bytes]:
    """Encode an event of one payload."""
    return [pack(meta, arrays)]


def recalled(
    question: Question,
    session: str | None,
    handles: I64Array,
    rows: F32Array,
    runners: int = 0,
    propensity: float = 1.0,
) -> list[bytes]:
    """Encode a recall: what was shown, the request, how likely the last place was, the rows.

    Below the rows of the shown stand those of other candidates, last those of the runners-up.
    """
    meta: dict[str, Any] = {"scope": question.scope, "session": session}
    if propensity < 1.0:
        meta["propensity"] = propensity
    shown = pack(meta, {"handles": handles})
    return [shown, question.encode(), pack({"runners": runners}, {"rows": rows})]


def judged(
    question: Question,
    principal: str | None,
    candidates: I64Array,
    rows: F32Array,
    handles: I64Array,
    grades: F32Array,
) -> list[bytes]:
    """Encode judgments with the candidates' rows as they were before."""
    meta = {"scope": question.scope, "principal": principal}
    arrays: Arrays = {"candidates": candidates, "judged": handles, "grades": grades}
    return [pack(meta, arrays), question.encode(), pack({}, {"rows": rows})]


def content(event: Event, index: int) -> tuple[dict[str, Any], Arrays]:
    """Decode a payload that replay cannot do without.

    Raises
    ------
    StorageError
        The payload was erased or dropped.
    """
    payloads: Sequence[bytes | None] = event.payloads
    payload = payloads[index]
    if payload is None:
        raise StorageError(
            f"event {event.seq} ({event.type}): payload {index}, which replay needs, is gone"
        )
    return unpack(payload)
