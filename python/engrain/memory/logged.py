"""A state in memory and its log on disk: opened, changed and closed together."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError
from engrain.base.ids import Id, decode_id
from engrain.base.protocols import Component
from engrain.memory import doors, events
from engrain.memory.answering import Ranked, Request
from engrain.memory.embedder import as_embedder
from engrain.memory.lsa import Counts, learn_basis
from engrain.memory.opening import check_settings, fresh_state, replay
from engrain.memory.parts import Parts
from engrain.memory.prior import Prior, check_prior, kind_of
from engrain.memory.question import rounded
from engrain.memory.remembering import Item
from engrain.memory.scopes import filter_key
from engrain.memory.state import Settings, State
from engrain.memory.traces import OpenTrace
from engrain.storage import Event, EventLog, Head, Receipt

KERNEL_EPOCH = 7  # raised whenever a kernel that writes state changes its results
DEFAULT_EMBEDDER = "hashed"
LEAST_PLACED, LATENT_DIM = 64, 200
DIALOGUE_DIM = 32  # of words by what is said around them: fewer senses than texts


class LoggedState:
    """What `Memory` stands on: every change is logged, then made; a torn one is replayed.

    Parameters
    ----------
    path, dim, embedder, tenant, components, clock, prior, seed, mode
        As in `engrain.Memory`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dim: int | None,
        embedder: Any,
        tenant: str,
        components: Sequence[str | Component] | None,
        clock: Clock | None,
        prior: Prior,
        seed: int,
        mode: Literal["a", "r"],
    ) -> None:
        self._lock = threading.RLock()
        self._clock = clock or wall_clock
        self._seed = doors.checked_count(seed, "seed")
        self._prior = check_prior(prior)
        self._dim = None if dim is None else doors.checked_count(dim, "dim", 1)
        self._embedder = None if embedder is None else as_embedder(embedder)
        if self._embedder is not None and dim not in (None, self._embedder.dim):
            raise ConfigError(
                f"dim={dim} contradicts the embedder {self._embedder.name!r} of width "
                f"{self._embedder.dim}; leave dim out"
            )
        self._parts = Parts(components or ())
        self._log = EventLog.open(
            path,
            tenant=tenant,
            mode=mode,
            clock=self._clock,
            epoch=KERNEL_EPOCH,
            critical_types=events.TYPES,
        )
        try:
            self._take(replay(self._log, self._parts.fresh()))
            self._change_epoch_if_due()
            self._state_columns()
        except BaseException:
            self._log.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write a snapshot where there is anything new, flush and release the file."""
        with self._lock:
            if self._log.closed:
                return
            try:
                if self._log.mode == "a" and self._log.stats()["tail_events"]:
                    self._sync()
                    self._write_snapshot()
            finally:
                self._log.close()

    def flush(self) -> Head:
        """Return once everything so far is on disk; the head to keep for `verify`.

        Raises
        ------
        DurabilityLost
            Writing failed; carries the last durable seq.
        """
        return self._log.flush()

    async def aflush(self) -> Head:
        """Await what `flush` waits for."""
        return await self._log.aflush()

    def _take(self, state: State | None) -> None:
        """Hold a state; without one, an empty state that the first content will replace."""
        if state is not None:
            name = None if self._embedder is None else self._embedder.name
            check_settings(state.settings, self._dim, name)
            if self._embedder is None and state.settings.embedder is not None:
                self._embedder = as_embedder(state.settings.embedder)
        self._created = state is not None
        self._state = state or fresh_state(Settings(), self._parts.fresh(), self._log)

    def _change_epoch_if_due(self) -> None:
        """Go on with a file of older kernels from the state that these kernels replayed."""
        if self._log.mode == "r" or self._log.last_epoch in (None, KERNEL_EPOCH):
            return
        newest = self._log.latest_snapshot()
        before = b"" if newest is None else newest.state_hash
        receipt = self._log.change_epoch(before, self._state.snapshot()[1])
        self._state.seq = receipt.seq
        self._write_snapshot()

    def _begin(self, *, change: bool = True) -> None:
        """Refuse what cannot be done now; bring the state up to the log."""
        if change:
            self._log.check_writable()
        else:
            self._log.check_open()
        self._sync()

    def _sync(self) -> None:
        """Rebuild the state where a signal cut a change short between log and state."""
        if self._created and self._state.seq != self._log.head.seq:
            self._log.flush()
            self._take(replay(self._log, self._parts.fresh()))

    def _width(self) -> int | None:
        """Width that a given vector must have, None while that is open."""
        if self._created:
            return self._state.settings.dims[0] if self._state.settings.dims else 0
        return self._embedder.dim if self._embedder is not None else self._dim

    def _create_if_new(self, vector: F32Array | None, *, dialogue: bool = False) -> None:
        """Fix width, embedding space and prior with the first content."""
        if self._created:
            return
        dim = self._dim if vector is None else vector.size
        if dim is None:
            self._embedder = self._embedder or as_embedder(DEFAULT_EMBEDDER)
            dim = self._embedder.dim
        name = None if self._embedder is None else self._embedder.name
        prior = kind_of(self._prior, dialogue=dialogue, embedder=name)
        meta = {"dims": [dim], "embedder": name, "seed": self._seed, "prior": prior}
        payloads = events.simple(meta)
        receipt = self._log.append(events.CREATED, payloads)
        settings = Settings((dim,), name, self._seed, prior)
        state = fresh_state(settings, self._parts.fresh(), self._log)
        state.apply(self._event(receipt, events.CREATED, payloads))
        self._state, self._created = state, True
        self._state_columns()

    def _state_columns(self) -> None:
        """Log which columns rows have from here on, where the log says otherwise or nothing."""
        if self._log.mode == "a" and self._created and not self._state.columns.stated:
            meta = {"columns": self._state.columns.today}
            self._commit(events.COLUMNS, events.simple(meta))

    def _place_if_due(self) -> None:
        """Learn where words lie once the memory has doubled since."""
        state = self._state
        known = 0 if state.placed is None else state.placed[1]
        if len(state.index) < max(LEAST_PLACED, 2 * known):
            return
        counts = Counts(*state.index.stem_counts())
        if len(counts.ids) == len(np.unique(counts.ids)):
            return  # no two texts share a word
        sequences = state.catalog.live_sequences()
        dialogue = 2 * np.count_nonzero(sequences >= 0) > len(sequences)
        dim = DIALOGUE_DIM if dialogue else LATENT_DIM
        basis = learn_basis(counts, dim, self._seed, sequences if dialogue else None)
        arrays = {"terms": basis.terms, "idf": basis.idf, "vectors": basis.vectors.astype("<f2")}
        self._commit(events.PLACED, events.simple({"memories": len(state.index)}, arrays))

    def _event(self, receipt: Receipt, type: str, payloads: Sequence[bytes]) -> Event:
        time, epoch = self._log.time, self._log.epoch
        return Event(receipt.seq, type, 1, time, epoch, tuple(payloads), receipt.hash)

    def _commit(self, type: str, payloads: Sequence[bytes]) -> Receipt:
        """Log a change, then make it."""
        receipt = self._log.append(type, payloads)
        self._state.apply(self._event(receipt, type, payloads))
        self._snapshot_if_due()
        return receipt

    def _snapshot_if_due(self) -> None:
        if self._log.snapshot_due:
            self._write_snapshot()

    def _write_snapshot(self) -> Receipt:
        receipt = self._log.write_snapshot(*self._state.snapshot())
        self._state.seq = receipt.seq
        return receipt

    def _embed(self, items: Sequence[Item]) -> None:
        """Fill in the vectors of texts that came without one."""
        bare = [item for item in items if item.vector is None and item.text]
        if self._embedder is not None and bare:
            found = self._embedder.embed([item.text for item in bare])
            for item, vector in zip(bare, found, strict=True):
                item.vector = vector if vector.any() else None

    def _remember(self, item: Item) -> Id:
        if item.encoded_id is None:
            item.encoded_id = self._state.catalog.new_id()
        meta = {
            "id": item.encoded_id,
            "text": item.text,
            "metadata": item.metadata,
            "source": item.source,
            "sequence": item.sequence,
            "time": item.time,
        }
        arrays = {} if item.vector is None else {"v0": item.vector}
        self._commit(events.REMEMBERED, events.simple(meta, arrays))
        return decode_id(item.encoded_id)

    def _scope(self, filter: Mapping[str, Any] | None) -> int:
        """Return the number of the filter; a new one is logged."""
        key = filter_key(filter)
        number = self._state.scopes.number(key)
        if number is not None:
            return number
        self._state.scopes.check_room()
        if self._log.mode == "a":
            self._commit(events.SCOPED, events.simple({"filter": key}))
        else:
            self._state.open_scope(key)
        return len(self._state.scopes.keys) - 1

    def _raw(self, text: str, given: F32Array | None) -> tuple[F32Array | None, ...]:
        """Return the request's vector in each view, rounded as the log keeps it."""
        if not self._state.settings.dims:
            return ()
        if given is None and self._embedder is not None and text:
            (found,) = self._embedder.embed([text])
            given = found if found.any() else None
        return (rounded(given),)

    def _open_trace(
        self,
        request: Request,
        shown: Ranked,
        kept: F32Array,
        runners: int,
        session: str | None,
        propensity: float,
    ) -> str:
        payloads = events.recalled(
            request.question, session, shown.handles, kept, runners, propensity
        )
        receipt = self._log.append(events.RECALLED, payloads)
        trace = OpenTrace(
            receipt.seq,
            receipt.hash,
            self._log.time,
            session,
            request.question,
            shown.handles,
            kept,
            runners,
        )
        self._state.open_trace(trace)
        self._state.seq = receipt.seq
        self._snapshot_if_due()
        return trace.id
