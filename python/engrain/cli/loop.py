"""``engrain loop``: run the slow loops on a memory's file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import asdict
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
            run_until_interrupted(coordinator)
            return
        with progress_bar() as progress:
            report = coordinator.background_loop.run_once(
                dry_run=dry_run,
                progress=lambda step: progress(f"loop: {step}", STEPS.index(step), len(STEPS)),
            )
    if not write_json(json, asdict(report)):
        show(report)


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


def run_until_interrupted(coordinator: Any) -> None:
    """Run the loops until Ctrl-C."""
    output.print("running; Ctrl-C ends")
    with coordinator:
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            output.print("ending the cycle under way")


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
