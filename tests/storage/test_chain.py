from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.storage import chain

PREFIX = struct.pack("<BBBBHIQdq", 1, 1, 2, 4, 3, 5, 9, 2.5, -6)


def test_an_event_is_hashed_as_documented() -> None:
    commitments = [chain.commitment(b"s" * 16 + payload) for payload in (b"", b"abc")]
    assert commitments[1] == hashlib.sha256(b"s" * 16 + b"abc").digest()
    header = PREFIX + b"type" + b"ten" + b"".join(commitments)
    assert chain.link(b"p" * 32, header) == hashlib.sha256(b"p" * 32 + header).digest()
    decoded = chain.decode(header)
    assert decoded == (9, "type", "ten", True, 5, 2.5, -6, b"".join(commitments))
    assert decoded.payloads == 2


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_header(blob: bytes) -> None:
    try:
        header = chain.decode(blob)
    except ValueError:
        return
    assert blob.endswith(header.commitments)


@pytest.mark.parametrize("cut", [0, 5, len(PREFIX), len(PREFIX) + 6, len(PREFIX) + 50])
def test_a_cut_header_is_refused(cut: int) -> None:
    header = PREFIX + b"type" + b"ten" + bytes(64)
    chain.decode(header)
    with pytest.raises(ValueError, match="not a header"):
        chain.decode(header[:cut])
