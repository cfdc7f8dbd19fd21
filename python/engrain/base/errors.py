"""Every error that engrain raises on purpose; each carries its data as attributes."""

from __future__ import annotations


class EngrainError(Exception):
    """Base of all errors raised by engrain."""


class ConfigError(EngrainError, ValueError):
    """A setting is out of its range or contradicts another one."""


class ShapeError(EngrainError, ValueError):
    """An array has the wrong number of dimensions or the wrong extent."""


class NonFiniteError(EngrainError, ValueError):
    """NaN or an infinity where only finite numbers make sense."""


class UnknownIdError(EngrainError, KeyError):
    """An id that this memory does not hold.

    Attributes
    ----------
    id : str or int or UUID
    """

    def __init__(self, id: object, where: str = "this memory") -> None:
        self.id = id
        super().__init__(f"{where} holds no id {id!r}")

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownTraceError(EngrainError, KeyError):
    """A trace id that this memory did not issue, or whose trace has expired.

    Attributes
    ----------
    trace_id : str
    """

    def __init__(self, trace_id: object) -> None:
        self.trace_id = trace_id
        super().__init__(
            f"trace {trace_id!r} was not issued by this memory or has expired; recall again and "
            "give feedback on the new trace"
        )

    def __str__(self) -> str:
        return str(self.args[0])


class FeedbackConflict(EngrainError):
    """A second feedback on one trace with other outcomes than the first.

    Attributes
    ----------
    trace_id : str
    """

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        super().__init__(f"trace {trace_id!r} already has feedback with different outcomes")


class ClosedMemoryError(EngrainError):
    """The memory was closed."""


class ReadOnlyError(EngrainError):
    """A change was asked of a memory opened with mode='r' or lying in a read-only file."""


class MemoryInUse(EngrainError):
    """Another process holds the file.

    Attributes
    ----------
    path : str
    pid : int or None
        The owner, where it could be read.
    """

    def __init__(self, path: str, pid: int | None) -> None:
        self.path, self.pid = path, pid
        owner = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{path} is in use by {owner}; one process writes a file: share it with `engrain serve`"
        )


class ForkedMemory(EngrainError):
    """A memory was used in a child process that inherited it by fork."""


class StorageError(EngrainError):
    """The file cannot be used as it is."""


class NewerFileError(StorageError):
    """The file was written by a newer engrain; it was left unchanged."""


class TamperedError(StorageError):
    """The chain of events does not verify.

    Attributes
    ----------
    seq : int or None
        First event that does not verify.
    """

    def __init__(self, message: str, seq: int | None = None) -> None:
        self.seq = seq
        super().__init__(message)


class DurabilityLost(StorageError):
    """Writing failed: nothing after `last_durable_seq` is on disk.

    Attributes
    ----------
    last_durable_seq : int
    reason : str
        What the operating system or SQLite said.
    """

    def __init__(self, last_durable_seq: int, reason: str) -> None:
        self.last_durable_seq, self.reason = last_durable_seq, reason
        super().__init__(
            f"events after seq {last_durable_seq} are not durable ({reason}); the memory accepts "
            "no changes until it is flushed successfully or reopened"
        )


class QueueFullError(StorageError):
    """The log's queue is full: the change was refused before anything happened; try again."""


class SnapshotError(StorageError):
    """A snapshot is missing, damaged or of another state."""


class CudaError(EngrainError, RuntimeError):
    """A CUDA call failed, or no usable device is present."""
