from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from engrain.kernels import SumTree
from engrain.learning import (
    EventStore,
    FullJSON,
    LearnedRetrievalScorer,
    ReconsolidationEngine,
    ToonJSON,
    emit_retrieval_event,
)
from engrain.learning.fsrs import FSRS, Card
from engrain.storage import EventLog


class Reconsolidate:
    """One update of one memory, beside the same step in NumPy."""

    params = [384, 1024]
    param_names = ["dim"]

    def setup(self, dim):
        rng = np.random.default_rng(0)
        self.memory, self.query = rng.standard_normal((2, dim)).astype(np.float32)
        self.engine = ReconsolidationEngine(store={"m": self.memory})

    def time_engine(self, dim):
        self.engine.update_embedding("m", self.query, 0.9)

    def time_numpy(self, dim):
        m, q = self.memory, self.query
        m, q = m / np.sqrt(m @ m), q / np.sqrt(q @ q)
        turned = m + 0.004 * (q - m)
        self.memory = turned / np.sqrt(turned @ turned)


class Scorer:
    """Scores of 100 candidates, beside the same network in NumPy."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.scorer = LearnedRetrievalScorer()
        self.rows = rng.random((100, 4)).astype(np.float32)
        self.parts = [rng.standard_normal(s).astype(np.float32) for s in ((4, 32), (32, 32), (32,))]

    def time_forward(self):
        self.scorer.forward(self.rows)

    def time_numpy(self):
        first, second, third = self.parts
        np.maximum(np.maximum(self.rows @ first, 0) @ second, 0) @ third


class Replay:
    """Draws of 32 from a million, beside a search in kept prefix sums."""

    def setup(self):
        rng = np.random.default_rng(0)
        priorities = rng.random(1_000_000).astype(np.float32)
        self.tree = SumTree(1_000_000)
        self.tree.update(np.arange(1_000_000), priorities)
        self.indices, self.weights = np.empty(32, dtype=np.int64), np.empty(32, dtype=np.float32)
        self.sums, self.rng = np.cumsum(priorities), rng

    def time_sample(self):
        self.tree.sample(self.indices, self.weights, 1_000_000)

    def time_numpy_without_updates(self):
        np.searchsorted(self.sums, self.rng.random(32) * self.sums[-1])


class Events:
    """Recording and writing one retrieval of ten memories."""

    def setup(self):
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "log.db"
        self.log = EventLog.open(path, epoch=1, queue_limit=1_000_000)
        self.ids = [f"memory-{i}" for i in range(10)]
        self.parts = {i: {"similarity": 0.9, "recency": 0.5} for i in self.ids}
        self.plain, self.logged = EventStore(), EventStore(log=self.log)
        self.event = emit_retrieval_event("q", self.ids, [0.5] * 10, self.parts, store=self.plain)
        self.view = ToonJSON().view(self.event)

    def teardown(self):
        self.log.close()
        self.folder.cleanup()

    def time_emit(self):
        emit_retrieval_event("q", self.ids, [0.5] * 10, self.parts, store=self.plain)

    def time_emit_into_the_log(self):
        emit_retrieval_event("q", self.ids, [0.5] * 10, self.parts, store=self.logged)

    def time_full_json(self):
        FullJSON().encode(self.event)

    def time_toon_json(self):
        ToonJSON().encode(self.event)

    def time_json_of_the_view(self):
        json.dumps(self.view)

    def time_python_toon_of_the_view(self):
        import toon

        toon.encode(self.view)

    def track_toon_share_of_full_json(self):
        return len(ToonJSON().encode(self.event)) / len(FullJSON().encode(self.event))


class Review:
    """One review of one card, beside py-fsrs."""

    def setup(self):
        from datetime import UTC, datetime

        from fsrs import Card as PeerCard
        from fsrs import Scheduler

        self.fsrs, self.card = FSRS(), FSRS().review(Card(), 3, 0.0)
        self.peer, self.now = Scheduler(enable_fuzzing=False), datetime(2026, 1, 1, tzinfo=UTC)
        self.peer_card = PeerCard(card_id=1)

    def time_review(self):
        self.fsrs.review(self.card, 3, 864_000.0)

    def time_py_fsrs(self):
        from fsrs import Rating

        self.peer.review_card(self.peer_card, Rating.Good, self.now)
