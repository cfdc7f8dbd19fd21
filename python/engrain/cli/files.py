"""Commands that look after the file of a memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engrain.base.errors import ConfigError
from engrain.cli.app import File, Json, Tenant, app, fail, guarded, output, write_json
from engrain.cli.progress import progress_bar


def head_as_text(head: Any) -> str:
    """Write the head of a chain as ``seq:hash``, to be kept elsewhere."""
    return f"{head.seq}:{head.hash.hex()}"


def head_from_text(text: str) -> Any:
    """Read a head written by `head_as_text`."""
    from engrain.storage import Head

    seq, _, digest = text.partition(":")
    try:
        return Head(int(seq), bytes.fromhex(digest))
    except ValueError:
        raise ConfigError(
            f"--head: expected SEQ:HASH as `verify` prints it, got {text!r}"
        ) from None


@app.command()
@guarded
def verify(
    file: File,
    tenant: Tenant = "default",
    head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH", help="Head kept elsewhere; shows a rewritten or cut file."
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Check every event of a file against its chain; status 1 when something does not verify."""
    from engrain.storage import verify as verify_file

    expected = None if head is None else head_from_text(head)
    with progress_bar() as progress:
        report = verify_file(
            file,
            tenant=tenant,
            expected_head=expected,
            progress=lambda done, total: progress("verifying", done, total),
        )
    result = {
        "ok": report.ok,
        "head": head_as_text(report.head),
        "events": report.events,
        "erased": report.erased,
        "dropped": report.dropped,
        "snapshots": report.snapshots,
        "problems": [{"seq": p.seq, "what": p.what} for p in report.problems],
    }
    if not write_json(json, result):
        output.print(
            f"{report.events:,} events, {report.snapshots} snapshots, {report.erased} erased and "
            f"{report.dropped} dropped payloads"
        )
        for problem in report.problems:
            where = "file" if problem.seq is None else f"event {problem.seq}"
            output.print(f"  {where}: {problem.what}", markup=False)
        output.print(f"head {result['head']}")
    if not report.ok:
        fail(f"{file}: {len(report.problems)} problems; `engrain repair` keeps the good prefix")


@app.command()
@guarded
def repair(file: File, json: Json = None) -> None:
    """Rebuild a damaged file from its good prefix; the damaged one is kept aside."""
    from engrain.storage import repair as repair_file

    report = repair_file(file)
    quarantine = None if report.quarantine is None else str(report.quarantine)
    result = {
        "quarantine": quarantine,
        "kept": {
            tenant: {
                "head": head_as_text(kept.head),
                "snapshots": kept.snapshots,
                "lost_payloads": kept.lost_payloads,
            }
            for tenant, kept in report.kept.items()
        },
    }
    if write_json(json, result):
        return
    for tenant, kept in report.kept.items():
        output.print(f"{tenant}: kept up to event {kept.head.seq:,}", markup=False)
    output.print(
        "nothing was wrong" if quarantine is None else f"the damaged file lies in {quarantine}"
    )


@app.command()
@guarded
def backup(
    file: File,
    target: Annotated[Path, typer.Argument(help="File to be made.", show_default=False)],
    json: Json = None,
) -> None:
    """Copy a file, also one in use, and verify the copy."""
    from engrain.storage import backup as back_up

    print_heads(back_up(file, target), target, json)


@app.command()
@guarded
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="File to be made.", show_default=False)],
    json: Json = None,
) -> None:
    """Bring a backup back; an existing file is never overwritten."""
    from engrain.storage import restore as bring_back

    print_heads(bring_back(source, file), file, json)


def print_heads(heads: Mapping[str, Any], target: Path, json: Path | None) -> None:
    """Report the verified heads of a new file."""
    result = {"file": str(target), "heads": {t: head_as_text(h) for t, h in heads.items()}}
    if not write_json(json, result):
        output.print(f"{target}: verified", markup=False)
        for tenant, head in result["heads"].items():  # type: ignore[attr-defined]
            output.print(f"  {tenant} {head}", markup=False)


@app.command()
@guarded
def rollback(
    file: File,
    to: Annotated[
        str, typer.Option(help="Event number, or a time as ISO 8601.", show_default=False)
    ],
    principal: Annotated[
        str | None, typer.Option(help="Unlearn only what this principal taught.")
    ] = None,
    tenant: Tenant = "default",
    json: Json = None,
) -> None:
    """Unlearn what was taught after an event or a time; contents stay."""
    from engrain.memory import Memory

    require(file)
    with Memory(file, tenant=tenant) as memory:
        receipt = memory.rollback(moment(to), principal=principal)
        result = {"to": to, "principal": principal, "seq": receipt.seq}
    if not write_json(json, result):
        output.print(f"rolled back to {to}; this is event {receipt.seq:,}", markup=False)


def moment(text: str) -> int | float:
    """Read an event number or an ISO 8601 time."""
    if text.isdecimal():
        return int(text)
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise ConfigError(f"--to: expected an event number or ISO 8601, got {text!r}") from None


def require(file: Path) -> None:
    """Refuse to create a memory where one should be read."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file")


@app.command()
@guarded
def inspect(
    file: File,
    tenant: Tenant = "default",
    trace: Annotated[
        str | None, typer.Option(help="Explain this recall instead of the whole memory.")
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="Draw what this memory knows (needs engrain[fabric])."),
    ] = None,
    json: Json = None,
) -> None:
    """Show what a memory holds and what learning has brought; the file is not changed."""
    from engrain.memory import Memory

    require(file)
    with Memory(file, tenant=tenant, mode="r") as memory:
        if trace is not None:
            explanation = memory.explain(trace)
            if not write_json(json, explanation_as_json(explanation)):
                output.print(str(explanation), markup=False)
            return
        if map is not None:
            map.write_text(map_of(memory), encoding="utf-8")
            output.print(f"map of {len(memory)} memories written to {map}", markup=False)
            return
        stats, lift = memory.stats(), lift_as_json(memory.lift())
    if not write_json(json, {"stats": stats, "lift": lift}):
        print_stats(stats)
        print_lift(lift)


def map_of(memory: Any) -> str:
    """Return a page with all memories on a map, by domain, utility and recency."""
    from engrain.fabric.memory_map import memory_map_html

    known = [memory.get(id) for id in memory.ids()]
    return memory_map_html(
        memory.vectors(),
        labels=[m["text"] for m in known],
        domains=[
            str(m["metadata"].get("domain") or m["source"] or m["sequence"] or "memory")
            for m in known
        ],
        utility=[m["rewarded"] for m in known],
        recency=[m["time"] for m in known],
    )


def explanation_as_json(explanation: Any) -> dict[str, Any]:
    """Return an explanation as plain values."""
    return {
        "trace_id": explanation.trace_id,
        "text": explanation.text,
        "time": explanation.time,
        "outcomes": explanation.outcomes,
        "weights": explanation.weights,
        "hits": [
            {"id": str(hit.id), "score": hit.score, "components": hit.components}
            for hit in explanation.hits
        ],
    }


def lift_as_json(report: Any) -> list[dict[str, Any]]:
    """Return the ledger's lines that have seen any feedback."""
    return [
        {
            "component": line.component,
            "part": line.part,
            "measure": line.measure,
            "n": line.n,
            "mean": line.mean,
            "lower": line.lower,
            "upper": line.upper,
        }
        for line in report
        if line.n
    ]


def print_stats(stats: Mapping[str, Any], prefix: str = "") -> None:
    """Print nested counts, one per line."""
    for name, value in stats.items():
        if isinstance(value, Mapping):
            print_stats(value, f"{prefix}{name}.")
        else:
            shown = f"{value:,}" if isinstance(value, int) else value
            output.print(f"{prefix + name:<32} {shown}", markup=False)


def print_lift(lines: list[dict[str, Any]]) -> None:
    """Print the ledger's nDCG@10 lines over all requests."""
    if not lines:
        output.print("no feedback yet: nothing is known about lift")
        return
    table = Table(box=None, pad_edge=False, title="lift in nDCG@10 (bounds valid at all times)")
    for column in ("component", "n", "mean", "lower", "upper"):
        table.add_column(column, justify="left" if column == "component" else "right")
    for line in lines:
        if line["part"] == "all" and line["measure"] == "ndcg":
            figures = (f"{line[key]:+.4f}" for key in ("mean", "lower", "upper"))
            table.add_row(line["component"], f"{line['n']:,}", *figures)
    output.print(table)
