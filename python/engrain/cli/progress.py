"""A progress bar on a terminal, and silence elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from engrain.cli.app import errors


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function of label, done and total that moves one bar per label."""
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(bar_width=36),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(label: str, done: int, total: int) -> None:
            key = label.partition(":")[0]
            if key not in tasks:
                for task in tasks.values():
                    bars.update(task, visible=False)
                tasks[key] = bars.add_task(label, total=total)
            bars.update(tasks[key], completed=done, total=total, description=label)

        yield report
