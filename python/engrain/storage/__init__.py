"""The event log and what stands beside it: SQLite, snapshots, verification, repair, backup."""

from __future__ import annotations

from engrain.storage.eventlog import EventLog
from engrain.storage.files import backup, restore, verify
from engrain.storage.receipt import Receipt
from engrain.storage.records import Event, Head, Snapshot
from engrain.storage.report import Problem, VerifyReport
from engrain.storage.salvage import Kept, RepairReport, repair

__all__ = [
    "Event",
    "EventLog",
    "Head",
    "Kept",
    "Problem",
    "Receipt",
    "RepairReport",
    "Snapshot",
    "VerifyReport",
    "backup",
    "repair",
    "restore",
    "verify",
]
