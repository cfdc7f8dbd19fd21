"""Loop B: what an hour of signals adds up to."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.base.clock import Clock, wall_clock
from engrain.kernels import score_queries
from engrain.loops.batch import SignalBatch
from engrain.loops.checkpoint import SONACheckpoint
from engrain.loops.config import BackgroundLearningConfig
from engrain.loops.consolidation import Lessons, move, proven_rate
from engrain.loops.drift import DriftDetector
from engrain.loops.elastic import measure_fisher, train_router
from engrain.loops.improvement import Knowledge, MetricsCollector
from engrain.loops.pattern_memory import MOST_PATTERNS, PatternMemory
from engrain.loops.patterns import PatternExtractor
from engrain.loops.probes import FrozenProbes
from engrain.loops.reports import BackgroundReport
from engrain.loops.reservoir import SignalReservoir
from engrain.loops.router import RouterBatch
from engrain.loops.shared import SharedSONAState
from engrain.loops.sources import LogSource, SignalSource
from engrain.loops.touched import TouchedQueue
from engrain.memory import Memory

log = logging.getLogger(__name__)

CHECKPOINT = "latest.sona"
EXPECTED = 0.5  # the outcome that Loop A's adapter takes for neither good nor bad
PROJECTIONS = 16
MOST_PENDING = 100_000
MOST_LESSONS = 4_000
PORTIONS = 8
DRAIN_AT = 0.5

STEPS = ("drain", "refit", "consolidate", "router", "patterns", "fisher", "checkpoint")

Progress = Callable[[str], None]


class BackgroundLearningLoop:
    """Drains signals and turns them into lasting weights, cycle by cycle.

    Parameters
    ----------
    shared : SharedSONAState
    source : SignalSource
    memory : Memory, optional
        Its ranking model is refitted in each cycle, and its component "patterns" fed.
    outbox : TouchedQueue, optional
        Where Loop C reads what this loop touched.
    metrics : MetricsCollector, optional
    clock : callable
        Seconds since the epoch.
    teach : bool
        Teach the micro adapter here, for signals that no Loop A learned from.

    Attributes
    ----------
    counts : dict of str to int
        Cycles run and skipped, signals taken, forgotten unused, and without a known model; none
        ever falls.
    last_report : BackgroundReport or None
        Of the last cycle that ran.
    """

    def __init__(
        self,
        shared: SharedSONAState,
        source: SignalSource,
        *,
        memory: Memory | None = None,
        outbox: TouchedQueue | None = None,
        metrics: MetricsCollector | None = None,
        clock: Clock = wall_clock,
        teach: bool = False,
    ) -> None:
        sona = shared.config
        self.shared, self.source, self.memory = shared, source, memory
        self.config: BackgroundLearningConfig = sona.background
        self.interval = sona.interval
        self.outbox = outbox or TouchedQueue(sona.touched)
        self.metrics, self.clock, self.teach = metrics, clock, teach
        self.extractor = PatternExtractor(shared.bank, seed=sona.seed)
        self.reservoir = SignalReservoir(sona.dim, sona.replay, seed=sona.seed)
        self.probes = FrozenProbes()
        self.drift = DriftDetector(1 + 2 * PROJECTIONS)
        rng = np.random.Generator(np.random.Philox(sona.seed))
        drawn = rng.standard_normal((sona.dim, PROJECTIONS), dtype=np.float32)
        self._projections: F32Array = np.ascontiguousarray(drawn.T)
        self._pending = SignalBatch.empty(sona.dim)
        self._touched: set[int] = set()
        self.counts = dict.fromkeys(("cycles", "skipped", "taken", "forgotten", "unroutable"), 0)
        self.last_report: BackgroundReport | None = None
        self._cycle = threading.Lock()

    # -- running --------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Run a cycle per interval until `stop` is set; a queue half full is drained at once."""
        due = self.clock() + self.interval
        while not stop.wait(min(1.0, self.interval)):
            if self.source.fill() >= DRAIN_AT:
                self.drain_signals()
            if self.clock() >= due:
                due = self.clock() + self.interval
                self._run_logged()

    def _run_logged(self) -> None:
        try:
            self.run_once()
        except Exception:
            log.exception("background cycle failed; its signals wait for the next one")

    def run_once(
        self, *, dry_run: bool = False, progress: Progress = lambda step: None
    ) -> BackgroundReport:
        """Run one cycle and return what it did.

        Where a step fails, router, patterns and place are what they were, and the signals wait for
        the next cycle.

        Parameters
        ----------
        dry_run : bool
            Do everything but keep nothing.
        progress : callable
            Told the name of each of the `STEPS` as it begins.
        """
        with self._cycle:
            start, steps = time.perf_counter(), _Steps(progress)
            with steps("drain"):
                waiting = self.drain_signals()
            if waiting < self.config.min_samples:
                reason = f"{waiting} signals, {self.config.min_samples} needed"
                report = BackgroundReport(skipped=reason, **steps.ms)
            else:
                report = self._undone_unless_kept(steps, dry_run)
            report = replace(report, elapsed_ms=_since(start))
            if not dry_run:
                self._tell(report)
            return report

    def _undone_unless_kept(self, steps: _Steps, dry_run: bool) -> BackgroundReport:
        before, kept = self._captured(), False
        try:
            report = self._run_steps(steps, dry_run)
            kept = not dry_run
        finally:
            if not kept:
                self._restore(before)
        return report

    def _run_steps(self, steps: _Steps, dry_run: bool) -> BackgroundReport:
        signals = self._pending
        with steps("refit"):
            refitted = not dry_run and self.memory is not None and self.memory.refit().fitted
        drifted = self._note_drift(signals)
        with steps("consolidate"):
            rate, lift = self.consolidate_micro_to_base(signals, keep=not dry_run)
        with steps("router"):
            loss, lessons = self.train_router_ewc(signals)
        with steps("patterns"):
            found = self.extract_patterns(signals)
        with steps("fisher"):
            self.update_fisher_information(lessons)
        asked, retained = self._test_retention()
        replayed = len(self.reservoir)
        self._remember(signals)
        with steps("checkpoint"):
            if not dry_run:
                self._offer_patterns()
                self.outbox.put(self._touched, found)
                self._touched = set()
                self.checkpoint()
                self.shared.publish()
        return BackgroundReport(
            samples=len(signals),
            replayed=replayed,
            refitted=refitted,
            drifted=drifted,
            consolidation_rate=rate,
            consolidation_lift=lift,
            router_loss=loss,
            patterns_found=len(found),
            patterns_kept=len(self.shared.bank),
            probes_asked=asked,
            probes_retained=retained,
            **steps.ms,
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the cycle under way end, and none begin within the block."""
        with self._cycle:
            yield

    # -- steps ----------------------------------------------------------------------------------

    def drain_signals(self) -> int:
        """Take what waits in the source and return how many signals now wait for a cycle.

        The oldest beyond 100,000 are forgotten, and counted.
        """
        batch, touched = self.source.drain()
        waiting = SignalBatch.joined([self._pending, batch])
        self._pending = waiting.rows(slice(-MOST_PENDING, None))
        self._touched.update(touched.tolist())
        self.counts["taken"] += len(batch)
        self.counts["forgotten"] += len(waiting) - len(self._pending)
        return len(self._pending)

    def consolidate_micro_to_base(
        self, signals: SignalBatch, *, keep: bool = True
    ) -> tuple[float, float]:
        """Move as much of the micro adapter into the base as pays on unseen lessons.

        Returns
        -------
        rate, lift : float
            As `proven_rate`; both 0 where no signal says which memories helped.
        """
        lessons = _lessons(signals)
        if not len(lessons.queries):
            return 0.0, 0.0
        shared = self.shared
        if self.teach and keep:
            for places in np.array_split(np.arange(len(lessons.queries)), PORTIONS):
                with shared.teaching:  # let go often, for whoever teaches inline
                    lessons.teach(shared.micro, places)
        fresh = shared.untaught_micro()
        rate, lift = proven_rate(shared.base, fresh, lessons)
        if not keep or rate == 0.0:
            return rate, lift
        with shared.teaching:
            copy = shared.micro_copy()
            if copy.updates:
                move(shared.base, copy, rate, seed=self.counts["cycles"] + 1)
                shared.publish_adapters(copy)
        return rate, lift

    def train_router_ewc(self, signals: SignalBatch) -> tuple[float, RouterBatch]:
        """Train the router on these signals and replayed ones; return its loss and the new lessons.

        Replay and penalty act together: the penalty holds the weights that mattered, replay shows
        what they were for.
        """
        lessons = self._router_lessons(signals)
        both = lessons.joined(self._router_lessons(self.reservoir.signals))
        loss = train_router(
            self.shared.router,
            both,
            self.shared.ewc,
            self.config,
            seed=self.counts["cycles"],
        )
        self.counts["unroutable"] += len(signals) - len(lessons.actions)
        return loss, lessons

    def extract_patterns(self, signals: SignalBatch) -> list[int]:
        """Store the patterns of these signals' questions; return their ids in the bank."""
        found = self.extractor.extract(signals.queries, self.config.num_clusters)
        return sorted(set(self.extractor.reasoning_bank.store_all(found)))

    def update_fisher_information(self, lessons: RouterBatch) -> None:
        """Measure which weights of the router matter for these lessons."""
        if len(lessons.actions):
            fisher = measure_fisher(
                self.shared.router, lessons, self.config, seed=self.counts["cycles"]
            )
            self.shared.ewc.observe(fisher)

    def checkpoint(self) -> Path:
        """Write everything learned to ``latest.sona`` and return its path."""
        path = self.config.checkpoint_dir / CHECKPOINT
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.shared.teaching:
            captured = self._captured()
        captured.save(path)
        return path

    def restore(self, path: Path | None = None) -> bool:
        """Go on from a checkpoint; return False where there is none at the loop's own place.

        Raises
        ------
        SnapshotError, ShapeError
            The file is damaged, or of other sizes.
        """
        own = self.config.checkpoint_dir / CHECKPOINT
        if path is None and not own.exists():
            return False
        found = SONACheckpoint.load(path or own)
        with self._cycle, self.shared.teaching:
            self.shared.base.load(found.base_lora)
            self.shared.micro.load(found.micro_lora)
            if self.metrics is not None and found.progress["metrics"] is not None:
                self.metrics.load(found.progress["metrics"])
            self._restore(found)
            self.shared.publish()
        return True

    # -- parts of the steps -----------------------------------------------------------------------

    def _router_lessons(self, signals: SignalBatch) -> RouterBatch:
        routable = self._routable(signals)
        known = signals if routable.all() else signals.rows(routable)
        return self.shared.router.lessons(
            known.queries, known.models, known.outcomes, known.latency_ratios
        )

    def _routable(self, signals: SignalBatch) -> BoolArray:
        """Tell which signals name a model of the router."""
        return (signals.models >= 0) & (signals.models < self.shared.router.models)

    def _note_drift(self, signals: SignalBatch) -> bool:
        """Watch outcomes, questions and how they go together, whatever the router knows of them.

        At a drift the router's task so far is over. Its losses are no figures to watch: they fall
        because it learns.
        """
        projected = score_queries(np.ascontiguousarray(signals.queries), self._projections)
        centred = signals.outcomes[:, None] - np.float32(EXPECTED)
        figures = np.concatenate([centred, projected, centred * projected], axis=1)
        drifted = self.drift.update(figures)
        if drifted:
            self.shared.ewc.settle(self.shared.router.get_weights())
        return drifted

    def _surprise(self, signals: SignalBatch) -> F64Array:
        """Return how far each outcome is from what the router expected."""
        router = self.shared.router
        known = self._routable(signals)
        rows = np.arange(len(signals))
        expected = router.forward(signals.queries)[rows, np.where(known, signals.models, 0)]
        surprise: F64Array = np.where(known, np.abs(signals.outcomes - expected), 0.0)
        return surprise

    def _remember(self, signals: SignalBatch) -> None:
        """Offer the signals to the reservoir, those that surprise more often."""
        self.reservoir.add(signals, 0.5 + self._surprise(signals))
        self._pending = SignalBatch.empty(self.shared.config.dim)
        self.counts["cycles"] += 1

    def _offer_patterns(self) -> None:
        """Let recall use the patterns of the most questions."""
        if self.memory is None or PatternMemory.name not in self.memory.adopters():
            return
        patterns = self.shared.bank.get_all_patterns().values()
        best = sorted((p for p in patterns if not p.abstraction_level), key=lambda p: -p.size)
        centroids = np.array([p.centroid for p in best[:MOST_PATTERNS]], np.float32)
        self.memory.adopt(PatternMemory.name, {"centroids": centroids})

    def _test_retention(self) -> tuple[int, int]:
        """Ask the frozen probes again, then freeze some of what was learned in this cycle."""
        if self.memory is None:
            return 0, 0
        asked, retained = self.probes.retest(self.memory)
        if isinstance(self.source, LogSource):
            self.probes.freeze(self.memory, self.source.given)
        return asked, retained

    def _captured(self) -> SONACheckpoint:
        shared = self.shared
        progress: dict[str, Any] = {
            "source": self.source.state(),
            "reservoir": self.reservoir.state(),
            "drift": self.drift.state(),
            "pending": self._pending.state(),
            "touched": np.array(sorted(self._touched), np.int64),
            "outbox": self.outbox.state(),
            "counts": dict(self.counts),
            "probes": self.probes.state(),
            "metrics": None if self.metrics is None else self.metrics.state(),
        }
        return SONACheckpoint.capture(
            shared.base,
            shared.micro,
            shared.router,
            shared.ewc,
            shared.bank,
            self.clock(),
            progress,
        )

    def _restore(self, found: SONACheckpoint) -> None:
        """Take back all but the adapters, whose sum a consolidation does not change."""
        self.shared.router.set_weights(found.router_weights)
        self.shared.ewc.load(found.ewc_state)
        self.shared.bank.load(found.patterns)
        progress = found.progress
        self.source.load(progress["source"])
        self.reservoir.load(progress["reservoir"])
        self.drift.load(progress["drift"])
        self._pending = SignalBatch.load(progress["pending"])
        self._touched = set(progress["touched"].tolist())
        self.outbox.load(progress["outbox"])
        self.probes.load(progress["probes"])
        self.counts.update({name: int(n) for name, n in progress["counts"].items()})

    def _tell(self, report: BackgroundReport) -> None:
        if report.skipped:
            self.counts["skipped"] += 1
            log.info("background cycle skipped: %s", report.skipped)
            return
        self.last_report = report
        if self.metrics is not None:
            self.metrics.learned(self.clock(), Knowledge.PATTERN, report.patterns_found)
            for place in range(report.probes_asked):
                self.metrics.probed(self.clock(), place < report.probes_retained)
        log.info("background cycle: %s", report.to_json())


class _Steps:
    """Milliseconds of each step."""

    def __init__(self, progress: Progress) -> None:
        self.ms: dict[str, Any] = {}
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._progress(name)
        start = time.perf_counter()
        yield
        self.ms[f"{name}_ms"] = _since(start)


def _lessons(signals: SignalBatch) -> Lessons:
    """Return the newest signals that say which memories helped."""
    telling: I64Array = np.flatnonzero(signals.directions.any(axis=1))[-MOST_LESSONS:]
    advantages = signals.outcomes[telling] - np.float32(EXPECTED)
    return Lessons(signals.queries[telling], signals.directions[telling], advantages)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0
