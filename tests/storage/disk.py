"""What a power cut may leave of a recorded run: images with un-synced sectors dropped or torn."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

SECTOR = 512
_HEAD = struct.Struct("<BHqq")


class Op(NamedTuple):
    """One recorded call: 'w'rite, 't'runcate, 's'ync or 'u'nlink."""

    kind: str
    name: str
    offset: int
    data: bytes


def build_shim(folder: Path) -> Path:
    """Compile the recorder; skips where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs Linux and a C compiler")
    library = folder / "disk_shim.so"
    source = Path(__file__).with_name("disk_shim.c")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True)
    return library


def run_watched(
    shim: Path, folder: Path, program: str, *args: str
) -> subprocess.CompletedProcess[str]:
    """Run a Python program whose files in `folder` are recorded to `folder`.ops."""
    environment = {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "SHIM_DIR": str(folder),
        "SHIM_LOG": str(record_of(folder)),
    }
    return subprocess.run(
        [sys.executable, "-c", program, str(folder), *args],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def record_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".ops")


def recorded(folder: Path) -> list[Op]:
    """Parse the record of a run."""
    blob, at, ops = record_of(folder).read_bytes(), 0, []
    while at < len(blob):
        kind, length, offset, size = _HEAD.unpack_from(blob, at)
        at += _HEAD.size
        name = blob[at : at + length].decode()
        at += length
        data = blob[at : at + size] if chr(kind) == "w" else b""
        at += len(data)
        ops.append(Op(chr(kind), name, offset, data))
    return ops


@dataclass
class File:
    """Bytes that are safe, and calls that no sync has covered yet."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)

    def settle(self) -> None:
        for op in self.pending:
            _apply(self.durable, op)
        self.pending.clear()

    def crash(self, random: Random) -> bytes:
        image = bytearray(self.durable)
        for op in self.pending:
            for piece in _sectors(op):
                fate = random.random()
                if fate < 0.5:
                    _apply(image, piece)
                elif fate < 0.7 and piece.kind == "w":
                    torn = piece.data[: random.randrange(len(piece.data))]
                    _apply(image, piece._replace(data=torn))
        return bytes(image)


def _sectors(op: Op) -> Iterator[Op]:
    if op.kind != "w":
        yield op
        return
    at, end = op.offset, op.offset + len(op.data)
    while at < end:
        until = min(end, (at // SECTOR + 1) * SECTOR)
        yield op._replace(offset=at, data=op.data[at - op.offset : until - op.offset])
        at = until


def _apply(content: bytearray, op: Op) -> None:
    end = op.offset + len(op.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if op.kind == "t":
        del content[op.offset :]
    else:
        content[op.offset : end] = op.data


class Disk:
    """The disk of a recorded run, played forward call by call."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.unlinked: dict[str, File] = {}

    def play(self, op: Op) -> None:
        if op.kind == "s" and op.name == "":
            self.unlinked.clear()
        elif op.kind == "s":
            self.files.setdefault(op.name, File()).settle()
        elif op.kind == "u":
            if op.name in self.files:
                self.unlinked[op.name] = self.files.pop(op.name)
        else:
            self.files.setdefault(op.name, File()).pending.append(op)

    def crash(self, folder: Path, random: Random) -> None:
        """Write one possible image into `folder`."""
        back = {name: file for name, file in self.unlinked.items() if random.random() < 0.5}
        for name, file in {**back, **self.files}.items():
            (folder / name).write_bytes(file.crash(random))
