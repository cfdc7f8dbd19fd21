"""Loop C: once a week, what the memories hold is put in order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.base.clock import Clock, wall_clock
from engrain.loops import phases
from engrain.loops.abstraction import abstract_patterns
from engrain.loops.config import DeepLearningConfig
from engrain.loops.material import FINISHED, Change, DeepStore, Links, Material, Progress
from engrain.loops.patterns import ReasoningBank
from engrain.loops.phases import Setting
from engrain.loops.phi import PhiCalculator
from engrain.loops.reports import (
    AbstractionReport,
    CompressionReport,
    ConsolidationReport,
    DeepLearningReport,
    DreamReport,
    TransferReport,
)
from engrain.loops.schedule import Appointment, WeeklySchedule
from engrain.loops.survey import Survey
from engrain.loops.touched import Touched

log = logging.getLogger(__name__)

SURVEY = "survey"
STEPS = ("neighbours", "consolidation", "abstraction", "dreams", "transfer", "compression", "phi")

# milliseconds that the specification allows; the neighbours serve every phase
BUDGETS_MS = {
    "consolidation": 120_000.0,
    "abstraction": 180_000.0,
    "dreams": 120_000.0,
    "transfer": 120_000.0,
    "compression": 60_000.0,
    "phi": 60_000.0,
    "elapsed": 600_000.0,
}

Phase = Callable[[Setting], tuple[Change, Links, Any]]
Step = Callable[[str], None]


class Inbox(Protocol):
    """Where a background loop leaves what it touched."""

    def take(self) -> Touched:
        """Take everything out."""

    def put_back(self, touched: Touched) -> None:
        """Return what a run could not finish."""


class DeepLearningLoop:
    """Consolidation, concepts, dreams, analogies, compression and the measure of integration.

    Every phase reads the store, makes one change and reports. A run that the process did not
    survive goes on with the phases that the store does not know of.

    Parameters
    ----------
    memory : DeepStore
        `MemoryService` for a `Memory`, or an `Archive`.
    reasoning_bank : ReasoningBank, optional
        Its patterns are what concepts are built above.
    config : DeepLearningConfig
    inbox : Inbox, optional
        Without it, and when it has overflowed, a run is a full one.
    folder : Path, optional
        Where the survey of neighbours is kept for the next run of another process.
    clock : callable
        Seconds since the epoch.

    Attributes
    ----------
    last_report : DeepLearningReport or None
    """

    def __init__(
        self,
        memory: DeepStore,
        reasoning_bank: ReasoningBank | None = None,
        config: DeepLearningConfig | None = None,
        *,
        inbox: Inbox | None = None,
        folder: Path | None = None,
        clock: Clock = wall_clock,
    ) -> None:
        self.memory, self.reasoning_bank = memory, reasoning_bank
        self.config = config or DeepLearningConfig()
        self.phi_calculator = PhiCalculator()
        self.last_report: DeepLearningReport | None = None
        self._inbox, self._folder, self._clock = inbox, folder, clock
        self._survey: Survey | None = None
        self._measured: tuple[F64Array, float] | None = None
        self._setting: Setting | None = None
        self._progress, self._run = Progress(), 0
        self._dry = False

    def run(self, stop: threading.Event, schedule: str = "3 AM Sunday") -> None:
        """Run at every moment of the weekly schedule until `stop` is set.

        A run that was missed or interrupted is made up once, at once; a new installation starts
        with the next moment.
        """
        progress = self.memory.progress()
        appointment = Appointment(WeeklySchedule.parse(schedule), progress.ended or self._clock())
        if progress.interrupted:
            self.run_once()
        while not stop.wait(min(appointment.wait(self._clock()), 60.0)):
            if appointment.due(self._clock()):
                appointment.done(self._clock())
                self.run_once()

    def run_once(
        self, *, full: bool | None = None, dry_run: bool = False, progress: Step | None = None
    ) -> DeepLearningReport:
        """Run all phases now and return their report.

        Parameters
        ----------
        full : bool, optional
            Look at every memory, or at the new and touched ones alone; by default the latter
            where the inbox tells them all and there is a survey.
        dry_run : bool
            Report what would be done, and do nothing.
        progress : callable, optional
            Told the name of each step as it begins.
        """
        touched = None if self._inbox is None or dry_run else self._inbox.take()
        try:
            report = self._steps(touched, full, dry_run, progress or (lambda _: None))
        except BaseException:
            if self._inbox is not None and touched is not None:
                self._inbox.put_back(touched)
            raise
        self.last_report = report
        return report

    def _steps(
        self, touched: Touched | None, full: bool | None, dry_run: bool, tell: Step
    ) -> DeepLearningReport:
        start, self._dry = time.perf_counter(), dry_run
        self._progress = self.memory.progress()
        resumed = self._progress.interrupted
        self._run = self._progress.run if resumed else self._progress.run + 1
        taken: dict[str, float] = {}
        material = self.memory.material()
        with _timed("neighbours", taken, tell):
            survey, mode = self._surveyed(material, touched, full, resumed)
        now = self._clock()
        self._setting = Setting(material, survey, self.config, now, self._progress.ended)
        reports: dict[str, Any] = {}
        for name, step in self._plan(mode, touched):
            with _timed(name, taken, tell):
                reports[name] = step()
        self._finish(survey)
        figures: dict[str, Any] = reports | {f"{name}_ms": ms for name, ms in taken.items()}
        report = DeepLearningReport(
            **figures,
            elapsed_ms=1e3 * (time.perf_counter() - start),
            mode=mode,
            dry_run=dry_run,
            memories=len(material),
            looked_at=len(survey.looked_at),
        )
        self._setting = None
        log.info("deep run: %s", report.to_json())
        return report

    def _plan(self, mode: str, touched: Touched | None) -> Iterator[tuple[str, Callable[[], Any]]]:
        """Yield the steps of this run: domains and their analogies change in full runs alone."""
        whole = mode == "full"
        yield "consolidation", self.consolidate_memories
        if whole or (touched is not None and touched.patterns):
            yield "abstraction", self.abstract_patterns
        yield "dreams", self.dream_learning
        if whole:
            yield "transfer", self.cross_domain_transfer
        yield "compression", self.compress_memory
        yield "phi", self.measure_consciousness

    def _surveyed(
        self, material: Material, touched: Touched | None, full: bool | None, resumed: bool
    ) -> tuple[Survey, str]:
        known = self._survey
        if known is None and self._folder is not None and not full:
            known = Survey.open(self._folder / SURVEY)
        told = touched is not None and not touched.full and not resumed
        known = known if known is not None and known.fits(material) else None
        if known is None or full or (full is None and not told):
            return Survey.full(material, self.config.neighbours, self.config.seed), "full"
        handles: I64Array = np.array(touched.memories if touched else (), np.int64)
        return known.updated(material, handles), "incremental"

    def _finish(self, survey: Survey) -> None:
        if self._dry:
            return
        self._survey = survey
        if self._folder is not None:
            survey.save(self._folder / SURVEY)
        self.memory.apply(Change(FINISHED, run=self._run))

    # -- phases ---------------------------------------------------------------------------------

    def consolidate_memories(self) -> ConsolidationReport:
        """Strengthen what is often used well together, let the hardly used fade."""
        report: ConsolidationReport = self._make("consolidation", phases.consolidate)
        return report

    def abstract_patterns(self) -> AbstractionReport:
        """Build concepts above the patterns anew: each stable cluster of their tree once."""
        bank = self.reasoning_bank
        if bank is None:
            return AbstractionReport()
        concepts = abstract_patterns(bank)
        if not self._dry:
            bank.drop_meta()
            for concept in concepts:
                bank.store_meta(concept)
        levels = max((c.abstraction_level for c in concepts), default=0)
        return AbstractionReport(len(concepts), levels=levels)

    def dream_learning(self) -> DreamReport:
        """Dream, and keep the links that logged questions prove."""
        report: DreamReport = self._make("dreams", phases.dream)
        return report

    def cross_domain_transfer(self) -> TransferReport:
        """Link what corresponds in different domains."""
        report: TransferReport = self._make("transfer", phases.transfer)
        return report

    def compress_memory(self) -> CompressionReport:
        """Merge near-duplicates, prune weak links."""
        report: CompressionReport = self._make("compression", phases.compress)
        return report

    def measure_consciousness(self) -> float:
        """Return the integration between the domains of the memory graph, in nats.

        The specification calls this consciousness; what is measured is integration, no more.
        """
        weights = self._current().survey.domains.weights
        if self._measured is None or self._measured[0] is not weights:
            self._measured = weights, phases.integration(weights, self.phi_calculator)
        return self._measured[1]

    def _current(self) -> Setting:
        if self._setting is None:
            material = self.memory.material()
            survey = self._survey or Survey.full(material, self.config.neighbours, self.config.seed)
            self._setting = Setting(material, survey, self.config, self._clock(), 0.0)
        return self._setting

    def _make(self, name: str, phase: Phase) -> Any:
        """Run a phase and make its change, unless an interrupted run has made it already."""
        setting = self._current()
        change, links, report = phase(setting)
        done = name in self._progress.phases and self._progress.interrupted
        if not done:
            if not self._dry:
                self.memory.apply(replace(change, run=self._run))
            self._setting = setting.after(change, links)
        return report


@contextmanager
def _timed(name: str, taken: dict[str, float], tell: Step) -> Iterator[None]:
    tell(name)
    start = time.perf_counter()
    yield
    taken[name] = 1e3 * (time.perf_counter() - start)
