"""One object that starts and stops all loops beside requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError
from engrain.kernels import SignalQueue
from engrain.learning.persistence import load_state, save_state
from engrain.loops.background import BackgroundLearningLoop
from engrain.loops.config import SONAConfig
from engrain.loops.improvement import Knowledge, MetricsCollector
from engrain.loops.instant import InstantLearningLoop
from engrain.loops.reports import BackgroundReport, DeepLearningReport
from engrain.loops.schedule import Appointment, WeeklySchedule
from engrain.loops.shared import SharedSONAState
from engrain.loops.signals import LearningSignal, QueryEmbedding, ResponseData
from engrain.loops.sources import InstantSource, LogSource, QueueSource, SignalSource
from engrain.memory import Memory

log = logging.getLogger(__name__)

APPOINTMENT = "deep.sona"

# milliseconds that the specification allows, for 10,000 signals
BUDGETS_MS = {
    "drain": 100.0,
    "consolidate": 500.0,
    "router": 5_000.0,
    "patterns": 2_000.0,
    "fisher": 2_000.0,
    "checkpoint": 500.0,
    "elapsed": 10_000.0,
}


class InstantLoop(Protocol):
    """What learns inline from each request."""

    def on_request(self, query: QueryEmbedding, response: ResponseData, latency_ms: float) -> Any:
        """Learn from one request."""


class DeepLoop(Protocol):
    """What reorganises once a week."""

    def run_once(self) -> Any:
        """Run all phases and return their report."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Time of one step beside what the specification allows, in milliseconds."""

    step: str
    allowed_ms: float
    taken_ms: float


class LoopCoordinator:
    """Runs Loop A inline, Loop B by interval and Loop C by calendar, for one tenant.

    Parameters
    ----------
    config : SONAConfig
    memory : Memory, optional
        Loop B then reads its log, so that no crash loses a signal; without it, the queue that
        `on_request` fills.
    instant : InstantLoop, optional
        Loop A.
    deep : DeepLoop, optional
        Loop C.
    clock : callable
        Seconds since the epoch.

    Attributes
    ----------
    shared_state : SharedSONAState
    background_loop : BackgroundLearningLoop
    metrics : MetricsCollector
    queue : SignalQueue
        From Loop A to Loop B; the oldest signal gives way when it is full, and is counted.
    """

    def __init__(
        self,
        config: SONAConfig,
        *,
        memory: Memory | None = None,
        instant: InstantLoop | None = None,
        deep: DeepLoop | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        self.config, self.clock = config, clock
        self.longest_wait = min(60.0, config.interval)
        self.shared_state = SharedSONAState(config)
        self.metrics = MetricsCollector()
        self.queue = SignalQueue(config.signals, config.dim)
        self.instant_loop, self.deep_loop = instant, deep
        source: SignalSource = QueueSource(self.queue)
        if memory is not None:
            source = LogSource(memory, config.dim, config.signals)
        elif isinstance(instant, InstantLearningLoop):
            source = InstantSource(instant)
        self._queued = isinstance(source, QueueSource)
        self.background_loop = BackgroundLearningLoop(
            self.shared_state,
            source,
            memory=memory,
            metrics=self.metrics,
            clock=clock,
            teach=True,
        )
        self.background_loop.restore()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the loops were started and not stopped."""
        return bool(self._threads)

    def start(self) -> None:
        """Start Loops B and C, each in a thread of its own; Loop A runs with the requests.

        Raises
        ------
        ConfigError
            They run already.
        """
        if self._threads:
            raise ConfigError("the loops run already; stop() them first")
        self._stop.clear()
        tasks: dict[str, Callable[[], None]] = {
            "engrain-background": lambda: self.background_loop.run(self._stop)
        }
        if self.deep_loop is not None:
            appointment = self._appointed()
            tasks["engrain-deep"] = lambda: self._keep(appointment)
        self._threads = [
            threading.Thread(target=task, name=name, daemon=True) for name, task in tasks.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let running cycles end, and write a checkpoint; stopping twice does nothing."""
        if not self._threads:
            return
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self.background_loop.drain_signals()
        self.background_loop.checkpoint()

    def on_request(
        self,
        query: QueryEmbedding,
        response: ResponseData,
        latency_ms: float,
        explicit_feedback: float | None = None,
    ) -> None:
        """Learn from one request inline and hand its signal to Loop B; never waits for a loop.

        Loop B finds signals in a memory's log or in the buffers of an `InstantLearningLoop` where
        there is one, and in the coordinator's queue otherwise.

        Raises
        ------
        TypeError, ShapeError, NonFiniteError, ConfigError
            Bad input.
        """
        signal = LearningSignal.of(query, response, latency_ms, explicit_feedback)
        if self._queued:
            self.queue.enqueue(
                -1,
                signal.quality_score,
                signal.latency_ratio,
                signal.model_tier,
                signal.context_tokens,
                explicit_feedback,
                query.vector,
            )
        if self.instant_loop is not None:
            self.instant_loop.on_request(query, response, latency_ms)
        self.metrics.request(self.clock(), signal.quality_score, latency_ms)

    def run_background(self) -> BackgroundReport:
        """Run one cycle of Loop B now, in this thread."""
        return self.background_loop.run_once()

    def run_deep(self) -> Any:
        """Run Loop C now, in this thread, between two cycles of Loop B.

        A run that the process did not survive is made up.

        Raises
        ------
        ConfigError
            There is no Loop C.
        """
        if self.deep_loop is None:
            raise ConfigError("this coordinator was made without a deep loop; pass deep=")
        with self.background_loop.paused():
            try:
                report = self.deep_loop.run_once()
            finally:
                self._note_deep_run(self.clock())
            self.background_loop.checkpoint()
        if isinstance(report, DeepLearningReport):
            self._count(report)
        return report

    def _count(self, report: DeepLearningReport) -> None:
        now, phi = self.clock(), report.phi
        self.metrics.learned(now, Knowledge.ABSTRACTION, report.abstraction.meta_patterns_created)
        self.metrics.learned(now, Knowledge.CONNECTION, report.dreams.novel_connections)
        self.metrics.learned(now, Knowledge.TRANSFER, report.transfer.analogies_found)
        self.metrics.measured_phi(now, phi)

    def budgets(self) -> list[Budget]:
        """Return the times of Loop B's last cycle that ran beside what is allowed."""
        report = self.background_loop.last_report
        if report is None:
            return []
        return [
            Budget(step, allowed, getattr(report, f"{step}_ms"))
            for step, allowed in BUDGETS_MS.items()
        ]

    def stats(self) -> dict[str, Any]:
        """Return all counters: none of them ever falls but `waiting`."""
        return {
            "waiting": len(self.queue),
            "signals": self.queue.counts,
            "background": dict(self.background_loop.counts),
            "replay": self.background_loop.reservoir.counts,
            "touched": self.background_loop.outbox.counts,
            "drifts": self.background_loop.drift.alarms,
            "version": self.shared_state.front.version,
        }

    # -- the calendar ---------------------------------------------------------------------------

    @property
    def _appointment_file(self) -> Path:
        return self.config.background.checkpoint_dir / APPOINTMENT

    def _note_deep_run(self, now: float) -> None:
        self._appointment_file.parent.mkdir(parents=True, exist_ok=True)
        save_state(self._appointment_file, {"last_run": now})

    def _appointed(self) -> Appointment:
        """Return the weekly appointment; a new installation starts with the next one."""
        if not self._appointment_file.exists():
            self._note_deep_run(self.clock())
        last_run = float(load_state(self._appointment_file)["last_run"])
        return Appointment(WeeklySchedule.parse(self.config.schedule), last_run)

    def _keep(self, appointment: Appointment) -> None:
        while not self._stop.wait(min(appointment.wait(self.clock()), self.longest_wait)):
            if appointment.due(self.clock()):
                appointment.done(self.clock())
                try:
                    self.run_deep()
                except Exception:
                    log.exception("deep run failed; the next one is a week from now")
