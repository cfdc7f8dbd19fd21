"""``engrain eval``: how well a memory ranks, and what learning adds, on a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engrain.cli.app import Json, app, errors, guarded, output, write_json
from engrain.cli.progress import progress_bar

Share = Annotated[float, typer.Option(min=0.0, max=1.0)]


@app.command("eval")
@guarded
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Data set or BEIR folder.", show_default=False)],
    protocol: Annotated[str, typer.Option(help="static, kfold, prequential or repeat.")] = "static",
    teach: Annotated[
        str,
        typer.Option(help="kfold: judge (full judgments) or shown (outcomes of the ten shown)."),
    ] = "judge",
    folds: Annotated[int, typer.Option(help="Number of folds.")] = 5,
    clicks: Annotated[
        str, typer.Option(help="Simulated user: perfect, noisy, position, seldom or joint.")
    ] = "perfect",
    mechanisms: Annotated[
        str, typer.Option(help="Names, separated by commas, whose own lift is reported.")
    ] = "",
    exclude_adversarial: Annotated[
        bool, typer.Option("--exclude-adversarial", help="Leave flagged questions out.")
    ] = False,
    poison: Annotated[float, typer.Option(help="Share of requests an attacker praises.")] = 0.0,
    principals: Annotated[
        int, typer.Option(help="Names the attacker uses; 0 attacks as the unguarded owner.")
    ] = 1,
    inject: Annotated[
        bool, typer.Option("--inject", help="The attacker praises memories that it brings.")
    ] = False,
    flip: Annotated[float, typer.Option(help="Share of requests with flipped outcomes.")] = 0.0,
    drift: Annotated[
        bool, typer.Option("--drift", help="Half-way, other documents become the right ones.")
    ] = False,
    delay: Annotated[int, typer.Option(help="Requests by which feedback comes late.")] = 0,
    explore: Annotated[
        float, typer.Option(help="Share of requests whose last place shows a random memory.")
    ] = 0.0,
    prior: Annotated[
        str, typer.Option(help="Weights to start from: base, fixed, auto or leave-out.")
    ] = "auto",
    trees: Annotated[
        bool, typer.Option("--trees", help="kfold: compare with LambdaMART, if installed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of order, folds and simulated users.")] = 1,
    json: Json = None,
    report: Annotated[Path | None, typer.Option(help="Write a self-contained HTML page.")] = None,
) -> None:
    """Measure a memory on a data set: static base against what it learned.

    All feedback is simulated from the judgments of the data set.
    """
    from engrain.evaluation.datasets import load_dataset
    from engrain.evaluation.options import Options
    from engrain.evaluation.protocols import evaluate as run
    from engrain.evaluation.report import evaluation_page
    from engrain.memory.prior import was_fitted_on

    options = Options(
        protocol=protocol,  # type: ignore[arg-type]
        teach=teach,  # type: ignore[arg-type]
        folds=folds,
        clicks=clicks,  # type: ignore[arg-type]
        mechanisms=tuple(name.strip() for name in mechanisms.split(",") if name.strip()) or None,
        exclude_adversarial=exclude_adversarial,
        poison=poison,
        principals=principals,
        inject=inject,
        flip=flip,
        drift=drift,
        delay=delay,
        explore=explore,
        prior=prior,
        trees=trees,
        seed=seed,
    )
    dataset = load_dataset(folder)
    if prior == "auto" and was_fitted_on(dataset.name):
        errors.print(f"the prior was fitted on {dataset.name}: measure it with --prior leave-out")
    with progress_bar() as progress:
        result = run(dataset, options, progress)
    if report is not None:
        report.write_text(evaluation_page(result), encoding="utf-8")
        errors.print(f"report: {report}")
    if not write_json(json, result):
        show(result)


def show(result: Mapping[str, Any]) -> None:
    """Print a result as tables."""
    output.print(
        f"[bold]{result['dataset']}[/bold]  {result['protocol']}, {result['queries']:,} questions;"
        " feedback simulated from the judgments"
    )
    output.print(measures(result))
    output.print(lifts(result))
    latency = result["latency_us"]
    output.print(
        f"recall p50 {latency['recall_p50']:,.0f} µs, p99 {latency['recall_p99']:,.0f} µs; "
        f"feedback p50 {latency['feedback_p50']:,.0f} µs, p99 {latency['feedback_p99']:,.0f} µs"
    )
    if "drift" in result:
        first, then = result["drift"]["within_50"], result["drift"]["later"]
        output.print(
            f"after the change, over the prior: {first['lift'] or 0:+.4f} in the first 50 "
            f"feedbacks, {then['lift'] or 0:+.4f} later"
        )
    if "poison" in result:
        attack = result["poison"]
        output.print(
            f"attacker in the first five of unrelated questions: {attack['top5_share_clean']:.2%} "
            f"without, {attack['top5_share']:.2%} with praise on {attack['rate']:.0%} of requests; "
            f"honest recall@5 {attack['recall5_clean']:.4f}, {attack['recall5']:.4f}"
        )


def measures(result: Mapping[str, Any]) -> Table:
    """Return static, prior and learned quality as a table."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "nDCG@10", "recall@5", "recall@10", "MRR@10", "success@1"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("static", "fixed", "prior", "trees", "learned"):
        row = result.get(name)
        if row is None:
            continue
        cells = [row[key] for key in ("ndcg10", "recall5", "recall10", "mrr", "r1")]
        table.add_row(name, *(f"{cell:.4f}" for cell in cells))
    return table


def lifts(result: Mapping[str, Any]) -> Table:
    """Return the lifts in nDCG@10 with their intervals, the mechanisms' own among them."""
    table = Table(box=None, pad_edge=False)
    for column in ("lift in nDCG@10", "n", "mean", "95 % interval"):
        table.add_column(column, justify="left" if column.startswith("lift") else "right")
    parts = {"overlap": "overlap", "no overlap": "no_overlap"}
    add(table, "learned over static", result["queries"], result["lift"]["ndcg10"], result["lift"])
    for label, key in parts.items():
        add(table, f"  {label}", result[key]["n"], result[key]["lift"], result[key])
    for label, key in (("weights alone", "static_weights"), ("evidence on top", "evidence")):
        add(table, label, result["queries"], result[key]["lift"], result[key])
        add(table, "  no overlap", result["no_overlap"]["n"], result[key]["no_overlap"], {})
    ranked = sorted(result["mechanisms"].items(), key=lambda item: -(item[1]["lift"] or 0.0))
    for name, mechanism in ranked:
        add(table, f"with minus without {name}", None, mechanism["lift"], mechanism)
    return table


def add(table: Table, label: str, n: int | None, lift: float | None, of: Mapping[str, Any]) -> None:
    """Add one lift, coloured where its interval excludes 0."""
    interval: Sequence[float] | None = of.get("ci95")
    colour = ""
    if interval is not None and (interval[0] > 0 or interval[1] < 0):
        colour = "green" if interval[0] > 0 else "red"
    table.add_row(
        label,
        "" if n is None else f"{n:,}",
        "–" if lift is None else f"{lift:+.4f}",
        "" if interval is None else f"[{interval[0]:+.4f}, {interval[1]:+.4f}]".replace("[", r"\["),
        style=colour,
    )
