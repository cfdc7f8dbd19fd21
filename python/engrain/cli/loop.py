"""``engrain loop``: run the slow loops on a memory's file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from engrain.base.errors import ConfigError
from engrain.cli.app import File, Json, Tenant, app, guarded, output, write_json
from engrain.cli.progress import progress_bar

if TYPE_CHECKING:
    from engrain.loops import BackgroundReport
    from engrain.memory import Memory

loop = typer.Typer(no_args_is_help=True, help="Run the background or the deep loop on a memory.")
app.add_typer(loop, name="loop")

Once = Annotated[bool, typer.Option("--once", help="Run one cycle and end.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Run one cycle and keep nothing.")]
Folder = Annotated[
    Path | None,
    typer.Option(help="Where checkpoints lie; FILE.loops by default.", show_default=False),
]
Mechanisms = Annotated[
    str, typer.Option(help="Components that hang into the memory, separated by commas.")
]


@loop.command()
@guarded
def background(
    file: File,
    tenant: Tenant = "default",
    once: Once = False,
    dry_run: DryRun = False,
    folder: Folder = None,
    models: Annotated[int, typer.Option(help="Models that the router chooses among.")] = 8,
    min_samples: Annotated[int, typer.Option(help="Fewer signals wait.")] = 10,
    interval: Annotated[float, typer.Option(help="Seconds between two cycles.")] = 3600.0,
    mechanisms: Mechanisms = "",
    json: Json = None,
) -> None:
    """Refit the ranking, consolidate, train the router, find patterns; hourly until interrupted.

    Signals are the feedback and judgments in the memory's log after the last checkpoint: what an
    interrupted cycle did not finish is read again.
    """
    from engrain.loops import BackgroundLearningConfig, LoopCoordinator, SONAConfig
    from engrain.loops.background import STEPS

    components = names(mechanisms)
    with opened(file, tenant, components, dry_run=dry_run) as memory:
        config = SONAConfig(
            dim=width(memory),
            models=models,
            interval=interval,
            background=BackgroundLearningConfig(
                min_samples=min_samples, checkpoint_dir=folder or default_folder(file)
            ),
        )
        coordinator = LoopCoordinator(config, memory=memory)
        if not (once or dry_run):
            run_until_interrupted(coordinator.background_loop)
            coordinator.background_loop.checkpoint()
            return
        with progress_bar() as progress:
            report = coordinator.background_loop.run_once(
                dry_run=dry_run,
                progress=lambda step: progress(f"loop: {step}", STEPS.index(step), len(STEPS)),
            )
    if not write_json(json, asdict(report)):
        show(report)


@loop.command()
@guarded
def deep(
    file: File,
    tenant: Tenant = "default",
    once: Once = False,
    dry_run: DryRun = False,
    full: Annotated[
        bool, typer.Option("--full", help="Look at every memory, not only at what was touched.")
    ] = False,
    folder: Folder = None,
    schedule: Annotated[str, typer.Option(help="When it runs, in UTC.")] = "3 AM Sunday",
    mechanisms: Mechanisms = "",
    report: Annotated[Path | None, typer.Option(help="Write the report as HTML.")] = None,
    json: Json = None,
) -> None:
    """Consolidate, dream, find analogies, merge duplicates; weekly until interrupted.

    Every change is an event of the memory's log, and can be undone.
    """
    from engrain.loops import DeepLearningLoop, MemoryService
    from engrain.loops.deep import STEPS

    with opened(file, tenant, names(mechanisms), dry_run=dry_run) as memory:
        width(memory)
        place = folder or default_folder(file)
        bank, inbox = learned(place, width(memory))
        loops = DeepLearningLoop(
            MemoryService(memory), bank, inbox=inbox, folder=None if dry_run else place
        )
        if not (once or dry_run):
            run_until_interrupted(loops, schedule)
            return
        with progress_bar() as progress:
            done = loops.run_once(
                full=True if full else None,
                dry_run=dry_run,
                progress=lambda step: progress(f"loop: {step}", STEPS.index(step), len(STEPS)),
            )
    if not dry_run:
        keep(place, bank, inbox)
    if report is not None:
        report.write_text(done.to_html(), encoding="utf-8")
    if not write_json(json, asdict(done)):
        output.print(done.to_text())


def learned(folder: Path, dim: int) -> tuple[Any, Any]:
    """Return the patterns of the background loop's checkpoint, and what it left to be looked at."""
    from engrain.loops import ReasoningBank, SONACheckpoint, TouchedQueue
    from engrain.loops.background import CHECKPOINT

    bank, inbox = ReasoningBank(dim), TouchedQueue()
    if not (folder / CHECKPOINT).exists():
        return bank, None
    found = SONACheckpoint.load(folder / CHECKPOINT)
    bank.load(found.patterns)
    inbox.load(found.progress["outbox"])
    return bank, inbox


def keep(folder: Path, bank: Any, inbox: Any) -> None:
    """Note in the background loop's checkpoint which concepts were built and what was looked at."""
    from engrain.loops import SONACheckpoint
    from engrain.loops.background import CHECKPOINT

    if inbox is not None:
        found = SONACheckpoint.load(folder / CHECKPOINT)
        progress = {**found.progress, "outbox": inbox.state()}
        replace(found, patterns=bank.export(), progress=progress).save(folder / CHECKPOINT)


def names(text: str) -> list[str]:
    """Split a list of names at its commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def opened(file: Path, tenant: str, components: Sequence[str], *, dry_run: bool) -> Memory:
    """Open an existing memory, to be read alone for a dry run."""
    from engrain.memory import Memory

    if not file.exists():
        raise ConfigError(f"{file} does not exist")
    return Memory(file, tenant=tenant, components=components, mode="r" if dry_run else "a")


def width(memory: Memory) -> int:
    """Return the width of a memory's vectors."""
    dims: Any = memory.stats()["dims"]
    if not dims:
        raise ConfigError("this memory holds no vectors, which the loops learn from")
    return int(dims[0])


def default_folder(file: Path) -> Path:
    """Return where the loops of a file keep their checkpoints."""
    return file.with_name(file.name + ".loops")


def run_until_interrupted(loops: Any, *settings: str) -> None:
    """Run a loop in a thread until Ctrl-C, and let the cycle under way end."""
    stop = threading.Event()
    thread = threading.Thread(target=loops.run, args=(stop, *settings))
    thread.start()
    output.print("running; Ctrl-C ends")
    try:
        while thread.is_alive():
            thread.join(1.0)
    except KeyboardInterrupt:
        output.print("ending the cycle under way")
        stop.set()
        thread.join()


def show(report: BackgroundReport) -> None:
    """Print what a cycle did, and its times beside those allowed."""
    from engrain.loops.coordinator import BUDGETS_MS

    if report.skipped:
        output.print(f"nothing done: {report.skipped}")
        return
    output.print(
        f"[bold]{report.samples:,}[/] signals, {report.replayed:,} replayed; "
        f"consolidated {report.consolidation_rate:.0%}, patterns {report.patterns_kept:,}"
        + (", ranking refitted" if report.refitted else "")
        + (", drift" if report.drifted else "")
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("step", "ms", "allowed"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for step, allowed in BUDGETS_MS.items():
        table.add_row(step, f"{getattr(report, f'{step}_ms'):,.1f}", f"{allowed:,.0f}")
    output.print(table)
