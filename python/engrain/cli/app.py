"""The application, its way of reporting errors, and the options that all commands share."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer
from rich.console import Console

import engrain
from engrain.base.errors import EngrainError

P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
output = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

File = Annotated[Path, typer.Argument(help="File of a memory.", show_default=False)]
Tenant = Annotated[str, typer.Option(help="Whose memory within the file.")]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="OUT", help="Write the result as JSON; - for standard output."),
]


@app.callback()
def root() -> None:
    """Inspect, measure and look after a memory that learns from every request."""


@app.command()
def version(json: Json = None) -> None:
    """Print the version."""
    if not write_json(json, {"version": engrain.__version__}):
        output.print(engrain.__version__)


def guarded(command: Callable[P, T]) -> Callable[P, T]:
    """Turn every error that engrain raises on purpose into one line and exit status 1."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (EngrainError, OSError) as error:
            fail(str(error))

    return wrapper


def fail(message: str) -> NoReturn:
    """Print one line to standard error and exit with status 1."""
    typer.echo(f"engrain: {' '.join(message.split())}", err=True)
    raise typer.Exit(1)


def write_json(target: Path | None, result: Any) -> bool:
    """Write `result` where ``--json`` says; True when that was standard output."""
    if target is None:
        return False
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if str(target) == "-":
        typer.echo(text, nl=False)
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return False
