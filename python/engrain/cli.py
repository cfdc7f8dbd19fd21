"""The ``engrain`` command."""

from __future__ import annotations

import typer

import engrain

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """Inspect, measure and serve a memory that learns from every request."""


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(engrain.__version__)
