"""Entry point of the ``engrain`` command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; exit status 2 when the extra ``[cli]`` is missing."""
    try:
        from engrain.cli import app
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.stderr.write("engrain: the command line needs the extra: pip install 'engrain[cli]'\n")
        return 2
    app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
