"""Memories as bare arrays, for those who keep contents elsewhere: a million fit in 1.6 GB."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engrain.base.arrays import BoolArray, F64Array, I64Array, U16Array
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ShapeError, SnapshotError
from engrain.loops.folder import map_folder, write_folder
from engrain.loops.material import Change, Links, Material, Progress
from engrain.loops.replay import LoggedQuestion

COLUMNS = ("vectors", "accesses", "quality", "created", "accessed", "faded", "merged_into")
LINK_COLUMNS = ("a", "b", "weights", "kinds")


class Archive:
    """A store of the deep loop over arrays; handles are row numbers.

    Parameters
    ----------
    vectors : ndarray of uint16, shape (n, dim)
        bfloat16 rows of length 1, as `unit_bfloat16` makes them.
    accesses : ndarray of int64, shape (n,), optional
    quality : ndarray of float64, shape (n,), optional
        Mean outcome, NaN where nothing was said.
    created, accessed : ndarray of float64, shape (n,), optional
        Seconds since the epoch; now by default.
    questions : tuple of LoggedQuestion
    clock : callable

    Raises
    ------
    ShapeError
        Columns of different lengths.
    """

    def __init__(
        self,
        vectors: U16Array,
        *,
        accesses: I64Array | None = None,
        quality: F64Array | None = None,
        created: F64Array | None = None,
        accessed: F64Array | None = None,
        questions: tuple[LoggedQuestion, ...] = (),
        clock: Clock = wall_clock,
    ) -> None:
        n, now = len(vectors), clock()
        self.vectors, self.questions, self._clock = vectors, questions, clock
        self.accesses = np.zeros(n, np.int64) if accesses is None else accesses
        self.quality = np.full(n, np.nan) if quality is None else quality
        self.created = np.full(n, now) if created is None else created
        self.accessed = self.created.copy() if accessed is None else accessed
        self.faded: BoolArray = np.zeros(n, np.bool_)
        self.merged_into: I64Array = np.full(n, -1, np.int64)
        self.links = Links.none()
        self._progress = Progress()
        lengths = {name: len(getattr(self, name)) for name in COLUMNS}
        if len(set(lengths.values())) > 1:
            raise ShapeError(f"archive: expected columns of one length, got {lengths}")

    def __len__(self) -> int:
        return int((self.merged_into < 0).sum())

    def extend(self, vectors: U16Array) -> None:
        """Add memories that were never used."""
        n, now = len(vectors), self._clock()
        self.vectors = np.concatenate([self.vectors, vectors])
        self.accesses = np.append(self.accesses, np.zeros(n, np.int64))
        self.quality = np.append(self.quality, np.full(n, np.nan))
        self.created = np.append(self.created, np.full(n, now))
        self.accessed = np.append(self.accessed, np.full(n, now))
        self.faded = np.append(self.faded, np.zeros(n, np.bool_))
        self.merged_into = np.append(self.merged_into, np.full(n, -1, np.int64))

    def material(self) -> Material:
        """Return everything but merged memories; without any of those nothing is copied."""
        alive = self.merged_into < 0
        if alive.all():
            return self._material(np.s_[:], self.links, self.questions)
        row = np.cumsum(alive) - 1
        kept = self.links.where(alive[self.links.a] & alive[self.links.b])
        links = replace(kept, a=row[kept.a], b=row[kept.b])
        questions = tuple(
            LoggedQuestion(row[q.ranked[alive[q.ranked]]], row[q.relevant[alive[q.relevant]]])
            for q in self.questions
        )
        return self._material(alive, links, questions)

    def _material(
        self, held: BoolArray | slice, links: Links, questions: tuple[LoggedQuestion, ...]
    ) -> Material:
        return Material(
            np.arange(len(self.vectors))[held],
            self.vectors[held],
            self.accesses[held],
            self.quality[held],
            self.created[held],
            self.accessed[held],
            self.faded[held].copy(),
            links,
            questions,
        )

    def apply(self, change: Change) -> None:
        """Make a change; its inverse undoes it exactly."""
        self.links = relinked(self.links, change, len(self.vectors))
        self.merged_into[change.merged[:, 1]] = change.merged[:, 0]
        self.merged_into[change.parted[:, 1]] = -1
        self.faded[change.faded], self.faded[change.revived] = True, False
        if change.run:
            self._progress = self._progress.after(change.phase, change.run, self._clock())

    def progress(self) -> Progress:
        """Return how far the last run came."""
        return self._progress

    def save(self, folder: Path) -> None:
        """Write a snapshot that `open` maps; an older one is replaced whole."""
        columns = {name: getattr(self, name) for name in COLUMNS}
        links = {f"links_{name}": getattr(self.links, name) for name in LINK_COLUMNS}
        progress = np.array([self._progress.run, self._progress.ended])
        write_folder(folder, {**columns, **links, "progress": progress})

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = wall_clock) -> Archive:
        """Read a snapshot: vectors are mapped, the small columns are loaded.

        Raises
        ------
        SnapshotError
        """
        kept = map_folder(folder)
        try:
            archive = cls(kept["vectors"], clock=clock)
            for name in COLUMNS[1:]:
                setattr(archive, name, np.array(kept[name]))
            archive.links = Links(*(np.array(kept[f"links_{name}"]) for name in LINK_COLUMNS))
            run, ended = kept["progress"].tolist()
        except KeyError as error:
            raise SnapshotError(f"{folder}: lacks {error}") from error
        archive._progress = Progress(int(run), ("finished",), ended)
        return archive


def relinked(links: Links, change: Change, size: int) -> Links:
    """Return the links after a change, ordered by their ends."""
    if not len(change.ends):
        return links
    low, high = change.ends.min(axis=1), change.ends.max(axis=1)
    held = change.after > 0
    kept = links.where(~np.isin(links.keys(size), low * size + high))
    fresh = Links(low[held], high[held], change.after[held], change.kinds_after[held])
    joined = kept.joined(fresh)
    order = np.argsort(joined.keys(size), kind="stable")
    return Links(joined.a[order], joined.b[order], joined.weights[order], joined.kinds[order])
