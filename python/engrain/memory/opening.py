"""Opening a file: from its log to the state, by snapshot and replay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engrain.base.errors import ConfigError, SnapshotError
from engrain.memory import events
from engrain.memory.codec import Arrays, unpack
from engrain.memory.parts import Parts
from engrain.memory.state import Rule, Settings, State
from engrain.storage import EventLog, Snapshot

COMPONENT = "learner/component/"


def replay(log: EventLog, parts: Parts, *, also: Sequence[Rule] = ()) -> State | None:
    """Rebuild the state: the newest snapshot that fits, then every later event in order.

    Parameters
    ----------
    log : EventLog
    parts : Parts
        Fresh ones; they are taught by the replay.
    also : sequence of Rule
        Rollbacks that are not in the log yet.

    Returns
    -------
    State or None
        None for a file in which nothing was remembered yet.

    Raises
    ------
    SnapshotError
        History that a rollback needs was erased.
    """
    seqs = log.snapshots()
    rules = [*_rules(log, seqs), *also]
    fitting = [seq for seq in seqs if not any(r.after < seq < r.seq for r in rules)]
    if fitting:
        state = _restored(log, log.read_snapshot(fitting[-1]), parts)
    else:
        settings = _created(log)
        if settings is None:
            return None
        _refuse_erased(log)
        state = fresh_state(settings, parts, log)
    for event in log.events(after=state.seq):
        if any(rule.leaves_out(event) for rule in rules):
            state.seq = event.seq
        else:
            state.apply(event)
    return state


def _refuse_erased(log: EventLog) -> None:
    for event in log.events(types={"erased"}):
        raise SnapshotError(f"history before seq {event.seq} was erased: a replay must start there")


def fresh_state(settings: Settings, parts: Parts, log: EventLog) -> State:
    """Return a state in which nothing has happened yet; its vectors may lie beside the log."""
    return State(settings, parts, _expirer(log), log.path.parent)


def _expirer(log: EventLog) -> Callable[[int], None]:
    """Drop the rows of expired recalls, where the file may be written."""

    def expire(seq: int) -> None:
        if log.mode == "a":
            log.drop_payload(seq, events.ROWS)

    return expire


def _created(log: EventLog) -> Settings | None:
    for event in log.events(types={events.CREATED}):
        meta, _ = events.content(event, 0)
        return settings_of(meta)
    return None


def settings_of(meta: dict[str, Any]) -> Settings:
    """Read settings back from JSON."""
    return Settings(tuple(meta["dims"]), meta["embedder"], meta["seed"], meta["prior"])


def _rules(log: EventLog, snapshots: Sequence[int]) -> list[Rule]:
    """All rollbacks: those that the newest snapshot knows of, and later ones."""
    known: list[Rule] = []
    newest = snapshots[-1] if snapshots else 0
    if newest:
        meta, _ = unpack(log.read_snapshot(newest).data)
        known = [Rule(**rule) for rule in meta["rules"]]
    later = log.events(after=newest, types={events.ROLLED_BACK})
    metas = ((event.seq, events.content(event, 0)[0]) for event in later)
    return known + [Rule(seq, meta["after"], meta["principal"]) for seq, meta in metas]


def _restored(log: EventLog, snapshot: Snapshot, hung: Parts) -> State:
    """Load contents from the log and everything learned from a snapshot."""
    meta, arrays = unpack(snapshot.data)
    parts: dict[str, Arrays] = {}
    for name, array in arrays.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = array
    state = fresh_state(settings_of(meta["settings"]), hung, log)
    state.rules = [Rule(**rule) for rule in meta["rules"]]
    state.kept = meta.get("kept", 0)
    state.catalog.sequences = dict(meta["sequences"])
    state.columns.take(meta["columns"])
    _restore_contents(state, log, parts["catalog"])
    for key in meta["scopes"][1:]:
        state.open_scope(key)
    if meta["placed"] is not None:
        state.place(log.read(meta["placed"]))
    state.catalog.load(parts["catalog"])
    state.links.load(parts["links"])
    state.order.load(parts.get("order", {}), meta.get("progress", {}))
    state.index.load(parts["index"])
    state.aside = _set_aside(arrays, hung)
    state.learner.load(parts["learner"], state.columns.at(snapshot.seq))
    if hung.calibrator is not None and "calibrator" in parts:
        hung.calibrator.load(parts["calibrator"])
    _catch_up(state, hung, meta.get("aside", []))
    _restore_lessons(state, log, parts["lessons"])
    state.seq = snapshot.seq
    return state


def _set_aside(arrays: Arrays, hung: Parts) -> Arrays:
    """Return what parts learned that do not hang in now: the next snapshot holds it again."""
    present = tuple(f"{COMPONENT}{component.name}/" for component in hung.components)
    absent = () if hung.calibrator is not None else ("calibrator/",)
    return {
        name: np.array(array)
        for name, array in arrays.items()
        if name.startswith(absent) or (name.startswith(COMPONENT) and not name.startswith(present))
    }


def _catch_up(state: State, hung: Parts, aside: Sequence[str]) -> None:
    """Tell components that were absent which memories were forgotten since."""
    dead = [handle for handle, record in enumerate(state.catalog.records) if record is None]
    for component in hung.components:
        if any(name.startswith(f"{COMPONENT}{component.name}/") for name in aside):
            for handle in dead:
                component.forget(handle)


def _restore_contents(state: State, log: EventLog, catalog: Arrays) -> None:
    seqs, alive = catalog["seqs"], catalog["alive"]
    contents = log.read_many(seqs[alive].tolist())
    for seq, held in zip(seqs.tolist(), alive.tolist(), strict=True):
        event = next(contents) if held else None
        if event is None or event.payloads[0] is None:  # forgotten, or lost to a repaired damage
            state.catalog.skip(seq)
        else:
            state.insert(seq, *events.content(event, 0))


def _restore_lessons(state: State, log: EventLog, lessons: Arrays) -> None:
    """Bring back traces, fed-back recalls and judgments from the events that made them."""
    answers = list(log.read_many(lessons["clicks"].tolist()))
    contents = [events.content(answer, 0) for answer in answers]
    asked = [meta["trace"] for meta, _ in contents]
    open_seqs = lessons["traces"].tolist()
    needed = sorted({*open_seqs, *asked})
    traces = {e.seq: state.decode_trace(e) for e in log.read_many(needed)}
    for seq in open_seqs:
        state.traces.open(traces[seq])
    shares = lessons["click_shares"].tolist()
    for seq, answer, (_, arrays), share in zip(asked, answers, contents, shares, strict=True):
        state.mark_answered(traces[seq], answer, arrays["outcomes"], share)
    for event, number, share in zip(
        log.read_many(lessons["judgments"].tolist()),
        lessons["numbers"].tolist(),
        lessons["judged_shares"].tolist(),
        strict=True,
    ):
        state.restore_judgment(event, number, share)


def check_settings(settings: Settings, dim: int | None, embedder: str | None) -> None:
    """Refuse to open a file with another width or another embedding space than its own.

    Raises
    ------
    ConfigError
        Names both and the remedy.
    """
    width = settings.dims[0] if settings.dims else None
    if dim is not None and dim != width:
        raise ConfigError(f"dim={dim}, but this file holds vectors of width {width}; leave dim out")
    if embedder is not None and embedder != settings.embedder:
        raise ConfigError(
            f"embedder {embedder!r}, but this file was made with {settings.embedder!r}; open it "
            "with that one"
        )


def seq_at(log: EventLog, time: float) -> int:
    """Return the seq of the last event at or before `time`; times never decrease along the log."""
    return bisect_right(range(1, log.head.seq + 1), time, key=lambda seq: log.read(seq).time)
