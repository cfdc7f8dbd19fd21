"""Counter-based random numbers: the draw of an event depends on (seed, tenant, seq) alone."""

from __future__ import annotations

import hashlib

import numpy as np


def event_rng(seed: int, tenant: str, seq: int) -> np.random.Generator:
    """Return the generator of one event: the same for live run and replay."""
    key = hashlib.sha256(f"{seed}\x00{tenant}".encode()).digest()[:16]
    counter = np.array([seq, 0, 0, 0], dtype=np.uint64)
    return np.random.Generator(
        np.random.Philox(key=np.frombuffer(key, dtype=np.uint64), counter=counter)
    )
