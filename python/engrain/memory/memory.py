"""`Memory`: the public face of engrain in a process."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.clock import Clock
from engrain.base.errors import ConfigError, FeedbackConflict
from engrain.base.ids import Id
from engrain.base.protocols import Adopter, Component
from engrain.base.rng import event_rng
from engrain.memory import answering, doors, events
from engrain.memory.answering import Ranked
from engrain.memory.candidates import Candidates
from engrain.memory.contents import Answered, Contents, read_answered, read_contents
from engrain.memory.explain import Explanation, explain
from engrain.memory.exploration import explored
from engrain.memory.ledger import Lift
from engrain.memory.lessons import Lesson, read_lessons, retest
from engrain.memory.logged import LoggedState
from engrain.memory.opening import replay, seq_at
from engrain.memory.prior import BASE, Prior, fixed_mix
from engrain.memory.recall import Recall
from engrain.memory.refit import RefitReport, Refitting
from engrain.memory.remembering import checked_items, is_turn
from engrain.memory.reorganisation import Change, Progress
from engrain.memory.state import Rule
from engrain.storage import Head, Receipt, VerifyReport

REFIT_PORTION = 8  # judged questions read at once, while requests wait


class Memory(LoggedState):
    """A memory that learns from every request, in one SQLite file.

    Parameters
    ----------
    path : str or Path
        The file; created where it does not exist. One process writes a file.
    dim : int, optional
        Width of the vectors you pass yourself. Without `dim` and `embedder`, the first call
        decides: a vector fixes the width, text alone takes the built-in embedder.
    embedder : str or Embedder or callable, optional
        Turns texts into vectors; "hashed" (built in), "wordllama" (extra ``[static]``), an object
        with ``name``, ``dim`` and ``embed``, or any callable from texts to vectors.
    tenant : str
        Name under which the file keeps this memory's chain of events.
    components : sequence of str or Component, optional
        Further columns of the ranking model, a feedback reader or a calibrator, by object or by
        entry-point name in the group ``engrain.components``.
    clock : callable, optional
        Returns seconds since the epoch.
    prior : {"auto", "fixed", "base"}
        Weights that a new file's ranking starts from: "base" is BM25 + cosine; "fixed" adds what
        surrounds a memory, with weights 1; "auto" takes weights learned on other conversations
        where what is remembered first has a sequence and a source, and the base elsewhere.
    explore : float
        Probability with which the last of the shown places goes to one of the next best memories,
        so that something is learned of what is never shown; logged with its propensity.
    seed : int
        Seed of everything random.
    mode : {"a", "r"}
        "r" opens an existing file without changing it; recalls leave no trace then.

    Raises
    ------
    MemoryInUse
        Another process holds the file.
    NewerFileError, StorageError
        The file cannot be used by this version.

    Notes
    -----
    Changes are applied before they are on disk; they are durable once `flush` returns or the
    receipt's ``wait()`` does. All methods may be called from several threads.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        dim: int | None = None,
        embedder: Any = None,
        tenant: str = "default",
        components: Sequence[str | Component] | None = None,
        clock: Clock | None = None,
        prior: Prior = "auto",
        explore: float = 0.0,
        seed: int = 0,
        mode: Literal["a", "r"] = "a",
    ) -> None:
        self._explore = doors.checked_share(explore, "explore")
        super().__init__(
            path,
            dim=dim,
            embedder=embedder,
            tenant=tenant,
            components=components,
            clock=clock,
            prior=prior,
            seed=seed,
            mode=mode,
        )

    # -- content --------------------------------------------------------------------------------

    def remember(
        self,
        text: str | None = None,
        *,
        vector: Any = None,
        id: Id | None = None,
        metadata: Mapping[str, Any] | None = None,
        source: str | None = None,
        sequence: str | None = None,
        time: float | None = None,
    ) -> Id:
        """Remember one thing and return its id.

        Parameters
        ----------
        text : str, optional
            What it says.
        vector : array_like, shape (dim,), optional
            Its embedding; made from the text where the memory has an embedder.
        id : str or int or UUID, optional
            An id in use is replaced: content and what was learned about it.
        metadata : mapping, optional
            JSON values; `recall(filter=...)` selects by them.
        source : str, optional
            Who said or provided it.
        sequence : str, optional
            What it is part of (a dialogue's session, a file): memories of one sequence are
            neighbours in order of insertion.
        time : float, optional
            When, in seconds since the epoch; the clock's now by default.

        Raises
        ------
        ShapeError, NonFiniteError, ConfigError, TypeError
            Bad input; nothing was changed.
        """
        item = {
            "text": text,
            "vector": vector,
            "id": id,
            "metadata": metadata,
            "source": source,
            "sequence": sequence,
            "time": time,
        }
        return self.remember_many([item])[0]

    def remember_many(self, items: Iterable[str | Mapping[str, Any]]) -> list[Id]:
        """Remember many things at once; each is a text or the keyword arguments of `remember`.

        Texts are embedded in one batch. All are checked before the first is remembered.
        """
        with self._lock:
            self._begin()
            checked = checked_items(items, self._clock(), self._width())
            vector = next((i.vector for i in checked if i.vector is not None), None)
            self._create_if_new(vector, dialogue=any(is_turn(item) for item in checked[:1]))
            self._embed(checked)
            ids = [self._remember(item) for item in checked]
            if len(ids) > 1:
                self._place_if_due()
            return ids

    def link(self, a: Id, b: Id, weight: float = 1.0) -> Receipt:
        """Link two memories for `recall(max_linked=...)`; a weight of 0 removes the link."""
        with self._lock:
            self._begin()
            ends = [self._state.catalog.handle(a), self._state.catalog.handle(b)]
            if ends[0] == ends[1]:
                raise ConfigError(f"link: {a!r} cannot be linked with itself")
            meta = {"weight": doors.checked_share(weight, "weight")}
            arrays = {"ends": np.array(ends, np.int64)}
            return self._commit(events.LINKED, events.simple(meta, arrays))

    def forget(self, ids: Id | Collection[Id], *, erase: bool = True) -> Receipt:
        """Forget memories: content, links and what was learned about them.

        Parameters
        ----------
        ids : id or collection of ids
        erase : bool
            Also delete their bytes from the file, its snapshots and journals: no copy stays on
            disk once the receipt's ``wait()`` returned. Earlier history still verifies, but
            `rollback` cannot reach behind an erasure, and what components that do not hang in had
            learned is dropped, since none can tell what of it speaks of the erased.

        Raises
        ------
        UnknownIdError
            One of the ids is not held; none is forgotten.
        """
        many = [ids] if isinstance(ids, str) or not isinstance(ids, Collection) else list(ids)
        with self._lock:
            self._begin()
            handles = [self._state.catalog.handle(id) for id in many]
            seqs = [self._state.catalog.seqs[handle] for handle in handles]
            arrays = {"handles": np.array(sorted(set(handles)), np.int64)}
            receipt = self._commit(events.FORGOTTEN, events.simple({}, arrays))
            if not erase:
                return receipt
            self._state.aside.clear()  # what absent components know of the erased cannot be told
            receipt = self._log.erase(seqs, *self._state.snapshot())
            self._state.seq = receipt.seq
            return receipt

    # -- requests -------------------------------------------------------------------------------

    def recall(
        self,
        text: str | None = None,
        k: int = 10,
        *,
        vector: Any = None,
        filter: Mapping[str, Any] | None = None,
        session: str | None = None,
        max_linked: int = 0,
        log: bool = True,
    ) -> Recall:
        """Return the `k` memories that help most with a request.

        Parameters
        ----------
        text : str, optional
        k : int
        vector : array_like, shape (dim,), optional
            The request's embedding; made from the text where the memory has an embedder.
        filter : mapping, optional
            Metadata (or "source", "sequence") that must equal a value or one of a list. Each
            distinct filter is a scope with its own means; questions are compared within a scope.
        session : str, optional
            Ties requests together, so that a later outcome can reach earlier recalls.
        max_linked : int
            Up to so many linked neighbours of the hits beside them.
        log : bool
            False leaves no trace: no event, no learning, no feedback possible.

        Raises
        ------
        ConfigError, ShapeError, NonFiniteError, TypeError
            Bad input; nothing was changed.
        """
        query = doors.checked_text(text)
        k = doors.checked_count(k, "k", 1)
        max_linked = doors.checked_count(max_linked, "max_linked")
        session = doors.checked_name(session, "session")
        with self._lock:
            live = log and self._log.mode == "a"
            self._begin(change=live)
            given = None if vector is None else doors.checked_vector(vector, self._width())
            if live:
                self._create_if_new(given)
            scope = self._scope(filter)
            request = answering.ask(self._state, query, self._raw(query, given), scope)
            now = self._clock()
            ranked = answering.rank(self._state, request, now)
            shown, propensity = self._choose(ranked, k, live)
            best = len(shown.handles)
            if max_linked:
                linked = answering.neighbours(self._state, request, shown, max_linked, now)
                shown = shown.joined(linked)
            confidence = self._parts.confidence(shown.rows[:best], shown.scores[:best])
            trace = None
            if live:
                kept, runners = answering.beside(ranked, shown)
                trace = self._open_trace(request, shown, kept, runners, session, propensity)
            hits = answering.hits(self._state, shown)
            return Recall(trace, confidence, hits[:best], hits[best:], propensity)

    def _choose(self, ranked: Ranked, k: int, live: bool) -> tuple[Ranked, float]:
        """Return what is shown, and with which probability the last of it stands there."""
        if not (self._explore and live):
            return ranked.best(k), 1.0
        rng = event_rng(self._state.settings.seed, self._log.tenant, self._log.head.seq + 1)
        return explored(ranked, k, self._explore, rng)

    def candidates(
        self,
        text: str | None = None,
        *,
        vector: Any = None,
        filter: Mapping[str, Any] | None = None,
    ) -> Candidates:
        """Return everything that a recall would choose from, with its component scores.

        Nothing is logged or learned: this is for studies, ablations and explanations.

        Raises
        ------
        ConfigError, ShapeError, NonFiniteError, TypeError
            Bad input, or nothing has been remembered yet.
        """
        query = doors.checked_text(text)
        with self._lock:
            self._begin(change=False)
            given = None if vector is None else doors.checked_vector(vector, self._width())
            scope = self._scope(filter)
            request = answering.ask(self._state, query, self._raw(query, given), scope)
            ranked = answering.rank(self._state, request, self._clock())
            learner, catalog = self._state.learner, self._state.catalog
            return Candidates(
                tuple(catalog.id(handle) for handle in ranked.handles.tolist()),
                learner.names,
                ranked.rows,
                ranked.scores,
                learner.guard.weights.astype(np.float32),
                learner.column_weights(BASE),
                np.where(learner.model.evidence_mask, 0, learner.model.base).astype(np.float32),
                learner.column_weights(fixed_mix(self._state.settings.prior)),
                learner.control.weights.astype(np.float32),
                answering.is_static(request, ranked.handles),
            )

    def feedback(
        self,
        recall: Recall | str,
        *,
        outcomes: Mapping[Id, float] | None = None,
        outcome: float | None = None,
        used: Collection[Id] | None = None,
        text: str | None = None,
        principal: str | None = None,
        quality: float | None = None,
        latency_ms: float | None = None,
        target_latency_ms: float | None = None,
        model_tier: int | None = None,
        context_tokens: int | None = None,
    ) -> Receipt:
        """Say how the memories shown in a recall worked out.

        Parameters
        ----------
        recall : Recall or str
            The recall, or its trace id.
        outcomes : mapping of id to float in [0, 1], optional
            How much each helped; of the others nothing is said.
        used : collection of ids, optional
            Those that helped; the other shown ones did not.
        outcome : float in [0, 1], optional
            Worth of the `used`; alone, one joint reward for all shown.
        text : str, optional
            What the user answered; read by the feedback reader that hangs in.
        principal : str, optional
            Who says so; None is the owner of the memory. The influence of named principals is
            bounded, and new ones share one bound.
        quality : float in [0, 1], optional
        latency_ms, target_latency_ms : float, optional
            How long the answer took, and should have taken, in milliseconds.
        model_tier, context_tokens : int, optional
            How the answer was made; kept for the background loops.

        Returns
        -------
        Receipt
            ``seq``, ``hash`` and ``wait()``. Repeating the same feedback returns the first
            receipt and changes nothing.

        Raises
        ------
        UnknownTraceError
            Not a trace of this memory, or expired.
        UnknownIdError
            An id that was not shown in that trace.
        FeedbackConflict
            The trace already has other outcomes.
        """
        extras: dict[str, Any] = doors.checked_extras(
            quality, latency_ms, target_latency_ms, model_tier, context_tokens
        )
        principal = doors.checked_name(principal, "principal")
        with self._lock:
            self._begin()
            trace = self._state.traces.find(getattr(recall, "trace_id", recall))
            if text is not None:
                reading = self._parts.read(doors.checked_text(text))
                extras["read"] = {"outcome": reading.outcome, "confidence": reading.confidence}
                if outcomes is None and used is None and outcome is None:
                    outcome = reading.outcome
            joint = outcomes is None and used is None and len(trace.handles) > 1
            told = doors.shown_outcomes(self._state.catalog, trace.handles, outcomes, used, outcome)
            if trace.outcomes is not None:
                if trace.outcomes != told.tobytes() or trace.answer is None:
                    raise FeedbackConflict(trace.id)
                return Receipt(*trace.answer, self._log)
            meta = {"trace": trace.seq, "principal": principal, **extras}
            if joint:
                meta["joint"] = True
            return self._commit(events.FED_BACK, events.simple(meta, {"outcomes": told}))

    def judge(
        self,
        text: str | None,
        grades: Mapping[Id, float],
        *,
        vector: Any = None,
        filter: Mapping[str, Any] | None = None,
        principal: str | None = None,
    ) -> Receipt:
        """Judge any stored memories as answers to a question.

        A correction, an editor's choice, a labelled set: unlike `feedback` it may speak of
        memories that were never shown. Grades above 0 mean relevant (1 and more: fully).

        Raises
        ------
        UnknownIdError
            An id that the memory does not hold; nothing was changed.
        ConfigError, ShapeError, NonFiniteError, TypeError
            Bad input; nothing was changed.
        """
        query = doors.checked_text(text)
        principal = doors.checked_name(principal, "principal")
        with self._lock:
            self._begin()
            handles, worth = doors.judged_grades(self._state.catalog, grades)
            given = None if vector is None else doors.checked_vector(vector, self._width())
            scope = self._scope(filter)
            self._state.check_members(scope, handles)
            request = answering.ask(self._state, query, self._raw(query, given), scope)
            ranked = answering.rank(self._state, request, self._clock())
            payloads = events.judged(
                request.question, principal, ranked.handles, ranked.rows, handles, worth
            )
            return self._commit(events.JUDGED, payloads)

    def refit(self) -> RefitReport:
        """Fit the ranking weights to all kept lessons at once (maximum a posteriori).

        Judged questions enter with their own evidence left out, fed-back recalls with the rows
        that were logged. The fitted weights are logged; replay takes them as they are. Requests of
        other threads go on meanwhile: rows are read in portions, the fit works on copies.
        """
        with self._lock:
            self._begin()
            if self._created:
                self._place_if_due()
            work = Refitting(self._state, self._clock())
        while self._read_on(work):
            pass
        result, report = work.fit()
        with self._lock:
            self._begin()
            if self._state is work.state:
                if result is not None:
                    self._commit(events.REFITTED, events.simple({}, result))
                return report
        return self.refit()  # what it had read was rolled back

    def _read_on(self, work: Refitting) -> bool:
        with self._lock:
            self._begin()
            left = self._state is work.state and work.read(REFIT_PORTION)
            if not left:
                work.prepare()
            return left

    def adopters(self) -> tuple[str, ...]:
        """Return the names of the components that `adopt` can speak to."""
        return tuple(c.name for c in self._parts.components if isinstance(c, Adopter))

    def adopt(self, component: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Receipt:
        """Give a component what a background loop found for it; logged, and undone by `rollback`.

        Raises
        ------
        ConfigError
            No such component hangs in, or it takes nothing over.
        """
        with self._lock:
            self._begin()
            if component not in self.adopters() or not self._created:
                raise ConfigError(
                    f"adopt: {component!r} does not hang into this memory; known: "
                    f"{', '.join(self.adopters()) or 'none'}"
                )
            return self._commit(
                events.ADOPTED, events.simple({"component": component}, dict(arrays))
            )

    def retest(self, seqs: Sequence[int], k: int = 10) -> dict[int, bool | None]:
        """Ask the questions of earlier lessons again, without leaving a trace.

        Parameters
        ----------
        seqs : sequence of int
            Of feedback or judgments.
        k : int

        Returns
        -------
        dict of int to bool or None
            Whether one of the answers is among the k best; None where the question was erased, or
            its answers were all forgotten.

        Raises
        ------
        UnknownIdError
            One of them is no event.
        """
        k = doors.checked_count(k, "k", 1)
        with self._lock:
            self._begin(change=False)
            return retest(self._state, self._log, list(seqs), k, self._clock()) if seqs else {}

    def lessons(self, after: int = 0, most: int = 10_000) -> list[Lesson]:
        """Return what was fed back and judged after a seq, in order, for the background loops.

        Parameters
        ----------
        after : int
            Seq of the last lesson already known.
        most : int
            Most lessons returned; the next call goes on after the last one's seq.
        """
        after, most = doors.checked_count(after, "after"), doors.checked_count(most, "most", 1)
        with self._lock:
            self._begin(change=False)
            return read_lessons(self._state, self._log, after, most) if self._created else []

    # -- reorganisation -------------------------------------------------------------------------

    def contents(self) -> Contents:
        """Return all memories that are shown, as arrays, for the deep loop."""
        with self._lock:
            self._begin(change=False)
            return read_contents(self._state)

    def answered(self, most: int = 400) -> list[Answered]:
        """Return questions whose answers are known, with what is found for them now.

        Judged questions are ranked anew without their own evidence, fed-back recalls are taken as
        they were shown; the latest `most` of each.
        """
        with self._lock:
            self._begin(change=False)
            return read_answered(self._state, doors.checked_count(most, "most"), self._clock())

    def link_of(self, a: int, b: int) -> tuple[float, int]:
        """Return weight and kind of the link between two handles; 0 and 0 where there is none."""
        with self._lock:
            self._begin(change=False)
            return self._state.links.get(a, b)

    @property
    def progress(self) -> Progress:
        """How far the last run of the deep loop came."""
        with self._lock:
            self._begin(change=False)
            return self._state.order.progress

    def reorganise(self, change: Change) -> Receipt:
        """Make a change of links, merges and fading: one event, undone by `undo`.

        A run of the deep loop may speak of memories that were forgotten while it worked; that part
        of its change is left out.

        Raises
        ------
        UnknownIdError
            It speaks of a memory that is not held; nothing was changed.
        ConfigError
            A weight outside of [0, 1], or a memory linked to or merged with itself.
        """
        with self._lock:
            self._begin()
            if change.run:
                change = change.among(self._state.catalog.records)
            doors.check_change(self._state.catalog, change)
            return self._commit(events.REORGANISED, events.simple(*change.encode()))

    def undo(self, receipt: Receipt | int) -> Receipt:
        """Undo a reorganisation exactly: links, merges and fading are what they were before it.

        Memories forgotten since stay forgotten.

        Raises
        ------
        ConfigError
            The event is not a reorganisation.
        """
        with self._lock:
            self._begin()
            seq = (
                receipt.seq if isinstance(receipt, Receipt) else doors.checked_count(receipt, "seq")
            )
            self._log.flush()
            event = self._log.read(seq)
            if event.type != events.REORGANISED:
                raise ConfigError(f"event {seq} is {event.type!r}, which `undo` does not undo")
            change = Change.decode(*events.content(event, 0)).inverse()
            change = change.among(self._state.catalog.records)
            return self._commit(events.REORGANISED, events.simple(*change.encode()))

    # -- insight --------------------------------------------------------------------------------

    def explain(self, trace: Recall | str) -> Explanation:
        """Take a recall apart: the rows as they were, today's weights, and its feedback.

        Raises
        ------
        UnknownTraceError
            Not a trace of this memory, or expired.
        """
        with self._lock:
            self._begin(change=False)
            found = self._state.traces.find(getattr(trace, "trace_id", trace))
            return explain(self._state, found)

    def lift(self) -> list[Lift]:
        """Return what learning has brought so far, by component, with always-valid bounds."""
        with self._lock:
            self._begin(change=False)
            return self._state.learner.ledger.report()

    def stats(self) -> dict[str, Any]:
        """Return counts, sizes and the head of the log."""
        with self._lock:
            self._begin(change=False)
            return {**self._state.stats(), "log": self._log.stats()}

    def get(self, id: Id) -> dict[str, Any]:
        """Return one memory: text, metadata, source, sequence, times, accesses and quality.

        Raises
        ------
        UnknownIdError
            This memory does not hold `id`.
        """
        with self._lock:
            self._begin(change=False)
            return self._state.describe(self._state.catalog.handle(id))

    def ids(self) -> list[Id]:
        """Return the ids of all memories, in order of insertion."""
        with self._lock:
            self._begin(change=False)
            catalog = self._state.catalog
            return [catalog.id(handle) for handle in catalog.live().tolist()]

    def vectors(self, ids: Iterable[Id] | None = None) -> F32Array:
        """Return the vectors of memories, of all in the order of `ids` by default, shape (n, dim).

        Raises
        ------
        ConfigError
            This memory holds no vectors.
        UnknownIdError
            One of the ids is not in this memory.
        """
        with self._lock:
            self._begin(change=False)
            if not self._state.settings.dims:
                raise ConfigError("this memory holds no vectors; give it an embedder or vectors")
            catalog, index = self._state.catalog, self._state.index
            handles = catalog.live().tolist() if ids is None else [catalog.handle(id) for id in ids]
            rows = [index.vector(handle) for handle in handles]
            return np.array(rows, np.float32).reshape(-1, self._state.settings.dims[0])

    def __len__(self) -> int:
        return len(self._state.catalog)

    def __contains__(self, id: Id) -> bool:
        return id in self._state.catalog

    # -- safety ---------------------------------------------------------------------------------

    def snapshot(self) -> Receipt:
        """Write the learned state into the file, so that opening replays from there."""
        with self._lock:
            self._begin()
            return self._write_snapshot()

    def rollback(self, to: int | float | Receipt, *, principal: str | None = None) -> Receipt:
        """Unlearn: return the learned state to what it was, contents stay.

        Parameters
        ----------
        to : int or Receipt or float
            The seq (int, receipt) or time (float, seconds since the epoch) after which lessons
            are left out.
        principal : str, optional
            Leave out only what this principal taught.

        Raises
        ------
        ConfigError
            Behind an erasure, where the history can no longer be replayed.
        """
        with self._lock:
            self._begin()
            after = to.seq if isinstance(to, Receipt) else to
            self._log.flush()
            if isinstance(after, float):
                after = seq_at(self._log, after)
            after = doors.checked_count(after, "to")
            principal = doors.checked_name(principal, "principal")
            rule = Rule(self._log.head.seq + 1, after, principal)
            state = replay(self._log, self._parts.fresh(), also=[rule])
            meta = {"after": after, "principal": principal}
            receipt = self._log.append(events.ROLLED_BACK, events.simple(meta))
            self._take(state)
            self._state.apply(self._event(receipt, events.ROLLED_BACK, events.simple(meta)))
            self._write_snapshot()
            return receipt

    def verify(self, expected_head: Head | None = None) -> VerifyReport:
        """Check every event of the file against the chain, and the head against one kept elsewhere.

        Raises
        ------
        TamperedError
            The file was altered; names the first event that does not verify.
        """
        with self._lock:
            self._begin(change=False)
            return self._log.verify(expected_head)

    @property
    def state_hash(self) -> str:
        """SHA-256 of the learned state: equal for a live run and its replay."""
        with self._lock:
            self._sync()
            return self._state.snapshot()[1].hex()
