from __future__ import annotations

import queue
from collections import deque

import numpy as np

from engrain.kernels import SignalQueue, TrajectoryBuffer


class PushTrajectory:
    """Record a query and its ten retrieved memories, beside a bounded deque of copies."""

    params = [384, 1024]
    param_names = ["dim"]

    def setup(self, dim):
        self.query = np.random.default_rng(0).standard_normal(dim).astype(np.float32)
        self.ids = np.arange(10)
        self.buffer, self.deque = TrajectoryBuffer(4096, dim), deque(maxlen=4096)

    def time_engrain(self, dim):
        self.buffer.push(self.query, self.ids, 1.0, 0.5, 0.5)

    def time_deque(self, dim):
        self.deque.append((self.query.copy(), self.ids.copy(), 1.0, 0.5, 0.5))

    def floor(self, dim, machine):
        return machine.call + machine.stream(8 * dim + 160)


class EnqueueSignals:
    """A thousand signals into a queue that overwrites the oldest: time per thousand.

    Beside a bounded deque, and queue.Queue, which never drops and so is drained as it fills.
    """

    def setup(self):
        self.signals, self.deque, self.queue = SignalQueue(1024), deque(maxlen=1024), queue.Queue()
        self.trajectory, self.quality = np.arange(1000), np.full(1000, 0.5, dtype=np.float32)

    def time_engrain(self):
        self.signals.enqueue_many(self.trajectory, self.quality)

    def time_engrain_one_by_one(self):
        for i in range(1000):
            self.signals.enqueue(i, 0.5)

    def time_deque(self):
        for i in range(1000):
            self.deque.append((i, 0.5, None, 1.0, 0, 0))

    def time_queue(self):
        for i in range(1000):
            self.queue.put_nowait((i, 0.5, None, 1.0, 0, 0))
            self.queue.get_nowait()
