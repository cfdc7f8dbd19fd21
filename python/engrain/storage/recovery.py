"""What opening finds: the end of the chain, checked from the newest snapshot on."""

from __future__ import annotations

from typing import NamedTuple

from engrain.storage.chain import GENESIS
from engrain.storage.logfile import LogFile
from engrain.storage.records import Head
from engrain.storage.scan import check_chain, checked_decode, newest_seq, rows_or_raise
from engrain.storage.schema import event_key, payload_key
from engrain.storage.snapshots import snapshot_seqs


class Tail(NamedTuple):
    """End of a chain, and how much of it lies after the newest snapshot."""

    head: Head
    time: float
    epoch: int | None
    snapshot_seq: int
    bytes: int


def recover(file: LogFile, tenant: str) -> Tail:
    """Read the head and check the chain from the newest snapshot to it.

    Raises
    ------
    TamperedError
        Naming the first event that does not verify.
    """
    with file.reading() as connection:
        last = newest_seq(connection, file.tenant)
        if last == 0:
            return Tail(Head(0, GENESIS), float("-inf"), None, 0, 0)
        since = next(iter(snapshot_seqs(connection, file.tenant)), 0)
        check_chain(connection, file.tenant, tenant, since, last)
        ((_, digest, blob),) = rows_or_raise(connection, file.tenant, last - 1, last)
        header = checked_decode(blob, last)
        (size,) = connection.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM payload WHERE key BETWEEN ? AND ?",
            (
                payload_key(event_key(file.tenant, since + 1), 0),
                payload_key(event_key(file.tenant, last + 1), 0),
            ),
        ).fetchone()
    return Tail(Head(last, digest), header.time, header.epoch, since, size)
