"""``engrain demo``: a memory gets better on real questions, in a minute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table

from engrain.cli.app import Json, app, guarded, output, write_json
from engrain.cli.progress import progress_bar


@app.command()
@guarded
def demo(
    source: Annotated[
        Path | None,
        typer.Option(help="Root of a Python code base; the standard library by default."),
    ] = None,
    report: Annotated[Path, typer.Option(help="HTML page to be written.")] = Path("report.html"),
    json: Json = None,
) -> None:
    """Teach a memory about the functions of a code base and measure what it learned.

    Feedback is simulated: a docstring's sentences are the questions, its function the answer. The
    memory stays in demo.db beside the report, for you to look at.
    """
    from engrain.evaluation.corpus import read_functions, standard_library
    from engrain.evaluation.demo import Demo
    from engrain.evaluation.demo_plan import make_plan
    from engrain.evaluation.demo_report import demo_page

    functions = read_functions(source or standard_library())
    name = str(source) if source else "the Python standard library"
    path = report.with_name("demo.db")
    with progress_bar() as progress:
        run = Demo(make_plan(functions), path, progress)
        result = run.run()
    page = demo_page(result, run.stopwatch.taken["recall"], name)
    report.write_text(page, encoding="utf-8")
    if not write_json(json, result):
        show(result, name, report, path)


def show(result: Mapping[str, Any], source: str, report: Path, path: Path) -> None:
    """Print what was measured, and what to try next."""
    output.print()
    output.print(
        f"[bold]{result['functions']:,}[/] functions of {source}, corrections on "
        f"[bold]{result['requests']:,}[/] questions [dim](simulated)[/]",
        soft_wrap=True,
    )
    output.print()
    output.print(lifts(result))
    output.print()
    output.print(checks(result))
    output.print()
    output.print(f"The report: [bold]{report.resolve()}[/]", soft_wrap=True)
    output.print(next_commands(path))


def next_commands(path: Path) -> Panel:
    """Return what to try next."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_row(f"engrain inspect {path}", "what it learned")
    table.add_row(f"engrain verify {path}", "its chain of events")
    table.add_row("engrain demo --source DIR", "your own code")
    table.add_row("engrain eval DIR --protocol kfold", "your own data set")
    return Panel(table, title="next", title_align="left", border_style="dim", expand=False)


def lifts(result: Mapping[str, Any]) -> Table:
    """Return static against learned by kind of question."""
    from engrain.evaluation.demo_report import PARTS

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("nDCG@10", "n", "static", "learned", "lift", "95 % interval"):
        table.add_column(column, justify="left" if column == "nDCG@10" else "right")
    for key, label in PARTS.items():
        part = result[key]
        low, high = part["ci95"] or (0.0, 0.0)
        colour = "bold green" if low > 0 else "bold red" if high < 0 else "bold"
        table.add_row(
            label,
            f"{part['n']:,}",
            f"{part['static']:.3f}",
            f"{part['learned']:.3f}",
            f"[{colour}]{part['lift']:+.3f}[/]",
            rf"\[{low:+.3f}, {high:+.3f}]",
        )
    return table


def checks(result: Mapping[str, Any]) -> Table:
    """Return latency, poisoning and restart, a line each."""
    latency, poison, restart = result["latency_us"], result["poison"], result["restart"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row(
        "latency",
        f"recall p50 {latency['recall_p50']:,.0f} µs, p99 {latency['recall_p99']:,.0f} µs; "
        f"judge p50 {latency['feedback_p50']:,.0f} µs, p99 {latency['feedback_p99']:,.0f} µs",
    )
    table.add_row(
        "poisoning",
        f"fake praise on 10 % of requests puts the attacker into the first five of "
        f"[bold]{poison['guarded']['top5_share']:.1%}[/] of unrelated questions, "
        f"without the guard {poison['unguarded']['top5_share']:.1%}",
    )
    same = restart["identical"] and restart["same_state"]
    table.add_row(
        "restart",
        f"reopened in {restart['seconds'] * 1000:,.0f} ms, {restart['questions']} rankings "
        + ("[bold]identical[/], same state hash" if same else "[bold red]differ[/]"),
    )
    return table
