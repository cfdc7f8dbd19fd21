"""The whole state of one tenant, and how each event changes it.

Live calls and replay go through the same methods: state = replay(snapshot, log).
"""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError
from engrain.base.protocols import Adopter, Record
from engrain.memory import events
from engrain.memory.catalog import Catalog
from engrain.memory.codec import Arrays, pack
from engrain.memory.columns import Columns
from engrain.memory.confidence import recall_features, was_success
from engrain.memory.graph import Links
from engrain.memory.index import StaticIndex
from engrain.memory.learner import Learner, Taught
from engrain.memory.parts import Parts
from engrain.memory.question import Question
from engrain.memory.reorganisation import Change, Order
from engrain.memory.scopes import Scopes
from engrain.memory.traces import OpenTrace, Traces
from engrain.storage import Event

KEPT_LESSONS = 4096
NO_METADATA: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the first event fixed for good.

    Attributes
    ----------
    dims : tuple of int
        Width of each vector view; empty while nothing was remembered.
    embedder : str or None
        Name of the embedding space of the first view; None for vectors of the caller's own.
    seed : int
    prior : str
        Kind of weights that the ranking starts from.
    """

    dims: tuple[int, ...] = ()
    embedder: str | None = None
    seed: int = 0
    prior: str = "base"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rollback: lessons after `after` and before `seq` (of one principal) do not count."""

    seq: int
    after: int
    principal: str | None

    def leaves_out(self, event: Event) -> bool:
        """Tell whether an event was unlearned by this rollback."""
        if event.type not in events.LESSONS or not self.after < event.seq < self.seq:
            return False
        if self.principal is None:
            return True
        meta, _ = events.content(event, 0)
        return meta.get("principal") == self.principal


@dataclass(frozen=True, slots=True)
class Judgment:
    """A judged question, as `refit` needs it again; `share` of it may move weights.

    `columns` are the scores that components had given the `candidates` before they learned from it:
    a component cannot leave one question out of what it has learned.
    """

    seq: int
    number: int
    question: Question
    handles: I64Array
    grades: F32Array
    share: float
    candidates: I64Array
    columns: F32Array


class State:
    """One tenant: contents, index, scopes, traces and everything learned.

    Parameters
    ----------
    settings : Settings
    parts : Parts
        What hangs in from outside.
    expire : callable
        Called with the seq of a recall whose rows are no longer needed.
    folder : Path, optional
        Where many exact vectors may stand in a file without a name; see `StaticIndex`.
    """

    def __init__(
        self,
        settings: Settings,
        parts: Parts,
        expire: Callable[[int], None],
        folder: Path | None = None,
    ) -> None:
        self.settings = settings
        self.seq = 0
        self.catalog, self.scopes, self.links, self.traces = Catalog(), Scopes(), Links(), Traces()
        self.order = Order()
        self.index = StaticIndex(settings.dims, folder)
        dim = settings.dims[0] if settings.dims else 0
        self.learner = Learner(dim, self.index.names, parts.components, settings.prior)
        self._calibrator = parts.calibrator
        self.columns = Columns(self.learner.names)
        self.placed: tuple[int, int] | None = None  # seq of the latent basis, memories it is of
        self.clicks: deque[OpenTrace] = deque(maxlen=KEPT_LESSONS)
        self.judgments: deque[Judgment] = deque(maxlen=KEPT_LESSONS)
        self.kept = 0  # seq of the lesson before which the model was last proven better
        self.aside: Arrays = {}  # by its name in the snapshot: what absent parts had learned
        self.rules: list[Rule] = []
        self._expire = expire
        self._appliers: dict[str, Callable[[Event], None]] = {
            events.REMEMBERED: self._remembered,
            events.FORGOTTEN: self._forgotten,
            events.LINKED: self._linked,
            events.SCOPED: self._scoped,
            events.RECALLED: self._recalled,
            events.FED_BACK: self._fed_back,
            events.JUDGED: self._judged,
            events.REFITTED: self._refitted,
            events.COLUMNS: self._columns,
            events.PLACED: self.place,
            events.ROLLED_BACK: self._rolled_back,
            events.ADOPTED: self._adopted,
            events.REORGANISED: self._reorganised,
        }

    def apply(self, event: Event) -> None:
        """Change the state as the event says; the seq moves last."""
        applier = self._appliers.get(event.type)
        if applier is not None:
            applier(event)
        self.seq = event.seq

    # -- contents -------------------------------------------------------------------------------

    def _remembered(self, event: Event) -> None:
        meta, vectors = events.content(event, 0)
        replaced = self.catalog.holder(meta["id"])
        if replaced is not None:
            self._drop(replaced)
        self.insert(event.seq, meta, vectors)

    def insert(self, seq: int, meta: Mapping[str, Any], vectors: Arrays) -> None:
        """Add a memory to catalog, index, scopes and components."""
        views = [vectors.get(f"v{i}") for i in range(len(self.settings.dims))]
        record = Record(
            handle=len(self.catalog.records),
            text=meta["text"],
            vector=None,  # the index holds it
            metadata=meta["metadata"] or NO_METADATA,
            source=_shared(meta["source"]),
            sequence=_shared(meta["sequence"]),
            time=meta["time"],
        )
        self.catalog.add(meta["id"], record, seq)
        sequence = self.catalog.sequence_number(record.sequence)
        self.index.add(record.handle, record.text, views, sequence, record.source, record.time)
        for scope in self.scopes.of(record):
            self.index.extend(scope, record.handle)
        if self.learner.components:
            whole = replace(record, vector=views[0] if views else None)
            for component in self.learner.components:
                component.remember(whole)

    def _forgotten(self, event: Event) -> None:
        _, arrays = events.content(event, 0)
        for handle in arrays["handles"].tolist():
            self._drop(handle)

    def _drop(self, handle: int) -> None:
        self.index.remove(handle)
        self.learner.forget(handle)
        self.links.drop(handle)
        self.order.drop(handle)
        self.catalog.drop(handle)

    def _linked(self, event: Event) -> None:
        meta, arrays = events.content(event, 0)
        a, b = arrays["ends"].tolist()
        self.links.set(a, b, meta["weight"])

    def _scoped(self, event: Event) -> None:
        meta, _ = events.content(event, 0)
        self.open_scope(meta["filter"])

    def open_scope(self, key: str) -> None:
        """Number a filter and gather its members."""
        self.index.scope(self.scopes.add(key, self.catalog.records))

    def check_members(self, scope: int, handles: I64Array) -> None:
        """Refuse handles that a filter leaves out.

        Raises
        ------
        ConfigError
            Names the first one's id.
        """
        outside = handles[~np.isin(handles, self.index.members(scope))]
        if len(outside):
            raise ConfigError(f"{self.catalog.id(int(outside[0]))!r} does not pass the filter")

    # -- requests -------------------------------------------------------------------------------

    def _recalled(self, event: Event) -> None:
        self.open_trace(self.decode_trace(event))

    def decode_trace(self, event: Event) -> OpenTrace:
        """Read a recall back from its payloads; rows are dropped once nothing can need them."""
        meta, shown = events.content(event, 0)
        if event.payloads[events.ROWS] is None:
            kept = np.zeros((len(shown["handles"]), len(self.learner.names)), np.float32)
            runners = 0
        else:
            about, arrays = events.content(event, events.ROWS)
            kept = self.columns.read(arrays["rows"], event.seq)
            runners = about.get("runners", 0)
        question = Question.decode(event.payloads[events.QUESTION], meta["scope"])
        return OpenTrace(
            event.seq,
            event.hash,
            event.time,
            meta["session"],
            question,
            shown["handles"],
            kept,
            runners,
        )

    def open_trace(self, trace: OpenTrace) -> None:
        """Take note of a recall: query means, accesses, the trace itself."""
        self.index.observe_query(trace.question.scope, trace.question.raw)
        self.catalog.touch(trace.handles, trace.time)
        self.learner.observe(trace)
        expired = self.traces.open(trace)
        if expired is not None and expired.outcomes is None:
            self._expire(expired.seq)

    def _fed_back(self, event: Event) -> None:
        meta, arrays = events.content(event, 0)
        trace = self.traces.at(meta["trace"])
        if trace is None:
            return
        told = arrays["outcomes"]
        live = self.catalog.alive(trace.handles)
        if not live.all():
            told = np.where(live, told, np.float32(np.nan))
        spoken = ~np.isnan(told)
        self.catalog.rate(trace.handles[spoken], told[spoken])
        centred = None
        if self.settings.dims:
            centred = self.index.centred(trace.question.scope, trace.handles)
        self._calibrate(trace, told)
        taught = self.learner.click(trace, told, event.time, meta["principal"], centred, meta)
        self._heed(taught, event.seq)
        self.mark_answered(trace, event, arrays["outcomes"], taught.share)

    def _heed(self, taught: Taught, seq: int) -> None:
        """Leave what led to worse weights out of later fits."""
        if taught.better:
            self.kept = seq
        if not taught.worse:
            return
        for trace in self.clicks:
            if trace.answer is not None and trace.answer[0] >= self.kept:
                trace.share = 0.0
        for place, judgment in enumerate(self.judgments):
            if judgment.seq >= self.kept:
                self.judgments[place] = replace(judgment, share=0.0)

    def _calibrate(self, trace: OpenTrace, told: F32Array) -> None:
        """Teach the calibrator with the recall as it was, before anything else learns from it."""
        if self._calibrator is None:
            return
        success = was_success(told)
        if success is not None:
            scores = self.learner.score(trace.rows)
            self._calibrator.update(recall_features(trace.rows, scores), success)

    def _judged(self, event: Event) -> None:
        meta, arrays = events.content(event, 0)
        _, rows = events.content(event, events.ROWS)
        judgment = self._judgment(event, number=-1, share=1.0)
        self.index.observe_query(judgment.question.scope, judgment.question.raw)
        scope = judgment.question.scope
        centred = self.index.centred(scope, judgment.handles)
        taught = self.learner.judge(
            judgment.question,
            arrays["candidates"],
            self.columns.read(rows["rows"], event.seq),
            judgment.handles,
            judgment.grades,
            meta["principal"],
            centred,
            self.index.centred(scope, arrays["candidates"]),
            event.time,
        )
        self._heed(taught, event.seq)
        self.judgments.append(replace(judgment, number=taught.number, share=taught.share))

    def _judgment(self, event: Event, number: int, share: float) -> Judgment:
        meta, arrays = events.content(event, 0)
        question = Question.decode(event.payloads[events.QUESTION], meta["scope"])
        candidates, columns = self._component_columns(event, arrays["candidates"])
        judged, grades = arrays["judged"], arrays["grades"]
        return Judgment(event.seq, number, question, judged, grades, share, candidates, columns)

    def _component_columns(self, event: Event, candidates: I64Array) -> tuple[I64Array, F32Array]:
        """Return what components said of the candidates; nothing where others hung in then."""
        count, width = len(self.learner.components), len(self.learner.names)
        if count:
            _, held = events.content(event, events.ROWS)
            if held["rows"].shape[1] == width:
                return candidates, np.array(held["rows"][:, width - count :], np.float32)
        return np.empty(0, np.int64), np.empty((0, count), np.float32)

    def _refitted(self, event: Event) -> None:
        _, arrays = events.content(event, 0)
        self.learner.take_fit(arrays, self.columns.at(event.seq))

    def _columns(self, event: Event) -> None:
        """Rows have other columns from here on; what is new has not been measured yet."""
        meta, _ = events.content(event, 0)
        if self.columns.known:
            added = self.columns.added_after(event.seq)
            for model in (self.learner.model, self.learner.control):
                model.restart(added)
        self.columns.state_at(event.seq, meta["columns"])

    def place(self, event: Event) -> None:
        """Take over a basis by which texts lie in the latent space."""
        meta, basis = events.content(event, 0)
        vectors = basis["vectors"].astype(np.float32)
        self.index.learn_latent(basis["terms"], basis["idf"], vectors)
        self.placed = event.seq, meta["memories"]

    def _rolled_back(self, event: Event) -> None:
        meta, _ = events.content(event, 0)
        self.rules.append(Rule(event.seq, meta["after"], meta["principal"]))

    def _adopted(self, event: Event) -> None:
        meta, arrays = events.content(event, 0)
        for component in self.learner.components:
            if component.name == meta["component"] and isinstance(component, Adopter):
                component.adopt(arrays)

    def _reorganised(self, event: Event) -> None:
        change = Change.decode(*events.content(event, 0))
        self.order.make(change, self.links, event.time, len(self.catalog.records))

    # -- insight --------------------------------------------------------------------------------

    def describe(self, handle: int) -> dict[str, Any]:
        """Return all that is known of one memory."""
        record = self.catalog.record(handle)
        return {
            "id": self.catalog.id(handle),
            "text": record.text,
            "metadata": dict(record.metadata),
            "source": record.source,
            "sequence": record.sequence,
            "time": record.time,
            "rewarded": self.learner.evidence.mass(handle),
            **self.catalog.usage(handle),
        }

    def stats(self) -> dict[str, Any]:
        """Return counts of what is held."""
        return {
            "memories": len(self.catalog),
            "filters": len(self.scopes.keys) - 1,
            "links": len(self.links),
            "merged": len(self.order.merged),
            "faded": len(self.order.faded),
            "open_traces": len(self.traces),
            "fed_back": len(self.clicks),
            "judged": len(self.judgments),
            "closed": self.learner.guard.closed,
            "embedder": self.settings.embedder,
            "dims": self.settings.dims,
        }

    # -- snapshots ------------------------------------------------------------------------------

    def snapshot(self) -> tuple[bytes, bytes]:
        """Return the learned state as bytes, and their SHA-256."""
        arrays: Arrays = {
            "lessons/traces": self.traces.seqs(),
            "lessons/clicks": np.array([t.answer[0] for t in self.clicks if t.answer], np.int64),
            "lessons/click_shares": np.array([t.share for t in self.clicks], np.float64),
            "lessons/judged_shares": np.array([j.share for j in self.judgments], np.float64),
            "lessons/judgments": np.array([j.seq for j in self.judgments], np.int64),
            "lessons/numbers": np.array([j.number for j in self.judgments], np.int64),
        }
        parts: dict[str, Any] = {
            "catalog": self.catalog,
            "links": self.links,
            "order": self.order,
            "index": self.index,
            "learner": self.learner,
        }
        if self._calibrator is not None:
            parts["calibrator"] = self._calibrator
        for part, holder in parts.items():
            arrays |= {f"{part}/{name}": array for name, array in sorted(holder.state().items())}
        meta = {
            "settings": asdict(self.settings),
            "rules": [asdict(rule) for rule in self.rules],
            "scopes": self.scopes.keys,
            "sequences": self.catalog.sequences,
            "progress": asdict(self.order.progress),
            "kept": self.kept,
            "aside": sorted(self.aside),
            "columns": self.columns.history(),
            "placed": None if self.placed is None else self.placed[0],
        }
        data = pack(meta, arrays | self.aside)
        return data, hashlib.sha256(data).digest()

    def mark_answered(
        self, trace: OpenTrace, event: Event, outcomes: F32Array, share: float
    ) -> None:
        """Note on a trace the feedback it got; it then serves as a lesson for `refit`."""
        trace.outcomes, trace.answer = outcomes.tobytes(), (event.seq, event.hash)
        trace.share, trace.shown = share, None
        self.clicks.append(trace)

    def restore_judgment(self, event: Event, number: int, share: float) -> None:
        """Take note again of a judgment that a snapshot already holds."""
        self.judgments.append(self._judgment(event, number, share))


def _shared(name: str | None) -> str | None:
    """Return one string for all memories that name the same."""
    return None if name is None else sys.intern(name)
