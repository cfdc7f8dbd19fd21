from __future__ import annotations

import asyncio

from engrain.storage import EventLog, Head


def test_a_receipt_is_a_head_to_keep(log: EventLog) -> None:
    receipt = log.append("kind", [b"secret"])
    assert receipt.head == Head(receipt.seq, receipt.hash) == log.head
    assert repr(receipt) == f"Receipt(seq=1, hash={receipt.hash.hex()[:16]}…)"
    receipt.wait(timeout=30)
    assert receipt.done()
    receipt.wait(timeout=0)
    log.append("kind", [b"later"]).wait()
    assert log.verify(expected_head=receipt.head).ok


def test_a_receipt_that_is_done_is_awaited_at_once(log: EventLog) -> None:
    receipt = log.append("kind", [])
    receipt.wait()

    async def once() -> None:
        await receipt

    asyncio.run(once())
    assert receipt.done()
