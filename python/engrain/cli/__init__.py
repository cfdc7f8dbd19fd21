"""The ``engrain`` command.

Exit status: 0 done; 1 refused, failed, or (``verify``) found damage, with one line on standard
error; 2 wrong usage, or the extra ``[cli]`` is missing.
"""

from __future__ import annotations

from engrain.cli.app import app
from engrain.cli.demo import demo
from engrain.cli.evaluate import evaluate
from engrain.cli.files import backup, inspect, repair, restore, rollback, verify
from engrain.cli.loop import loop

__all__ = [
    "app",
    "backup",
    "demo",
    "evaluate",
    "inspect",
    "loop",
    "repair",
    "restore",
    "rollback",
    "verify",
]
