"""The event log and what stands beside it: SQLite, snapshots, repair."""
