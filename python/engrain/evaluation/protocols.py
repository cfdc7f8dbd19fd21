"""The protocols: static, k-fold, prequential and repeat, each on memories in temporary files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from engrain.base.arrays import BoolArray, F32Array
from engrain.base.errors import ConfigError
from engrain.evaluation.datasets import Dataset, Question
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.evaluation.results import Studied, part, study, summarise
from engrain.evaluation.subject import Stopwatch, Subject
from engrain.evaluation.trees import Trees, fit_trees, static_list
from engrain.evaluation.users import Attacker, User, early_half, intrusion
from engrain.memory import Recall
from engrain.memory.ledger import Lift
from engrain.memory.logged import DEFAULT_EMBEDDER
from engrain.memory.prior import kind_of, left_out

Progress: TypeAlias = Callable[[str, int, int], None]
CURVE_POINTS = 20
RECOVERY = 50  # feedbacks after which what changed should have been learned


def silent(label: str, done: int, total: int) -> None:
    """Report no progress."""


@dataclass(slots=True)
class Run:
    """One run of one protocol.

    Attributes
    ----------
    studied : list of Studied
        Every question in the order in which it was measured.
    counted : list of bool
        Whether it belongs to the part that the figures cover.
    intrusions : list of bool
        Counted questions that the attacker's memory is no answer to: is it in the first five?
    since : list of int
        Feedbacks since other documents became the right ones, -1 before; by question.
    ledger : list of Lift
        What the memories of streams had to say of their mechanisms in the end.
    """

    dataset: Dataset
    options: Options
    folder: Path
    progress: Progress = silent
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    studied: list[Studied] = field(default_factory=list)
    counted: list[bool] = field(default_factory=list)
    intrusions: list[bool] = field(default_factory=list)
    since: list[int] = field(default_factory=list)
    ledger: list[Lift] = field(default_factory=list)
    rewarded: set[str] = field(default_factory=set)
    praised: dict[tuple[str | None, str], set[str]] = field(default_factory=dict)
    early: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    columns: list[int] = field(default_factory=list)
    trees: Trees | None = None
    static_lists: dict[int, tuple[F32Array, BoolArray] | None] = field(default_factory=dict)

    def subject(self, name: str) -> Subject:
        """Make a fresh memory of the data set."""
        mechanisms = self.options.mechanisms or ()
        foreign = [m for m in mechanisms if not is_builtin(m)]
        path = self.folder / f"{name}.db"
        options = self.options
        subject = Subject(
            self.dataset, path, foreign, self.stopwatch, options.prior, options.explore
        )
        self._choose_columns(subject)
        return subject

    def _choose_columns(self, subject: Subject) -> None:
        known = subject.study(0).names
        self.names = self.options.mechanisms or known
        unknown = [name for name in self.names if name not in known]
        if unknown:
            raise ConfigError(
                f"mechanisms: unknown {', '.join(unknown)}; known: {', '.join(known)}"
            )
        self.columns = [known.index(name) for name in self.names]

    def note(self, subject: Subject, index: int, relevant: frozenset[str], *, counts: bool) -> None:
        """Measure a question as the memory stands now."""
        question = self.dataset.questions[index]
        found = study(
            index,
            question.conv,
            relevant,
            subject.study(index),
            overlap=not relevant.isdisjoint(self.rewarded),
            columns=self.columns,
            trees=self.trees,
            praised=self.praised.get((question.conv, question.text), ()),
            category=question.category,
        )
        self.studied.append(found)
        self.counted.append(counts)

    def heard(self, question: Question, outcomes: Mapping[Any, float]) -> None:
        """Take note of what a user praised."""
        praised = {id for id, value in outcomes.items() if value > 0}
        self.rewarded |= praised
        self.praised.setdefault((question.conv, question.text), set()).update(praised)

    def plant(self, subject: Subject, training: Sequence[int]) -> None:
        """Fit trees to the static candidates of the training questions."""
        for index in training:
            if index not in self.static_lists:
                relevant = self.dataset.questions[index].relevant
                self.static_lists[index] = static_list(subject.study(index), relevant)
        lists = [found for i in training if (found := self.static_lists[i]) is not None]
        self.trees = fit_trees(lists, subject.study(training[0]).names)

    def report(self) -> dict[str, Any]:
        """Return the keys of the JSON report."""
        kept = [s for s, counts in zip(self.studied, self.counted, strict=True) if counts]
        report = {
            "dataset": self.dataset.name,
            "protocol": self.options.protocol,
            **summarise(kept, self.names, self.stopwatch),
        }
        if self.options.is_stream:
            report["curve"] = curve(self.studied)
        if self.options.drift:
            report["drift"] = recovery(self.studied, self.since)
        return report


def evaluate(
    dataset: Dataset, options: Options | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Run one protocol and return its report.

    Parameters
    ----------
    dataset : Dataset
    options : Options, optional
    progress : callable
        Called with a label, the questions done and their number.

    Returns
    -------
    dict
        Plain numbers and, under every ``ci95``, a pair of numbers or None; see the guide to
        ``engrain eval`` for each key. Outcomes are simulated from the judgments.

    Raises
    ------
    ConfigError
        The data set has fewer judged questions than the protocol needs, or a mechanism is unknown.
    """
    options = options or Options()
    run = run_all(dataset, options, progress)
    report = run.report()
    if options.poison:
        unharmed = replace(options, poison=0.0)
        clean = joined(
            [perform(own, settings, progress) for own, settings in tenants(dataset, unharmed)]
        )
        report["poison"] = {
            "rate": options.poison,
            "principals": options.principals,
            "inject": options.inject,
            "top5_share": share(run.intrusions),
            "top5_share_clean": share(clean.intrusions),
            "recall5": report["learned"]["recall5"],
            "recall5_clean": clean.report()["learned"]["recall5"],
        }
    return report


def run_all(dataset: Dataset, options: Options, progress: Progress = silent) -> Run:
    """Run a protocol on each tenant, and return the runs as one."""
    found = tenants(dataset, options)
    return joined([perform(own, settings, progress) for own, settings in found])


def tenants(dataset: Dataset, options: Options) -> list[tuple[Dataset, Options]]:
    """Return what is run apart: each conversation where the prior leaves it out, or the whole."""
    if options.prior != LEAVE_OUT:
        return [(dataset, options)]
    judged = dataset.judged(exclude_adversarial=options.exclude_adversarial)
    convs = dict.fromkeys(dataset.questions[index].conv for index in judged)
    if None in convs:
        return [(dataset, replace(options, prior=left_out("documents", dataset.name)))]
    embedder = DEFAULT_EMBEDDER if dataset.document_vectors is None else None
    kind = kind_of("auto", dialogue=True, embedder=embedder)
    return [
        (
            dataset.conversation(conv),
            replace(options, prior=left_out(kind, f"{dataset.name}/{conv}")),
        )
        for conv in convs
        if conv is not None
    ]


def joined(runs: Sequence[Run]) -> Run:
    """Return runs as one; questions in the order of the share of its run that each came at."""
    first, *others = runs
    places = [(i + 1) / len(run.studied) for run in runs for i in range(len(run.studied))]
    order = np.argsort(places, kind="stable").tolist()
    studied = [found for run in runs for found in run.studied]
    counted = [counts for run in runs for counts in run.counted]
    for run in others:
        first.stopwatch.add(run.stopwatch)
        first.intrusions += run.intrusions
        first.ledger += run.ledger
    since = [found for run in runs for found in run.since]
    first.since = [since[i] for i in order] if since else []
    first.studied, first.counted = [studied[i] for i in order], [counted[i] for i in order]
    return first


def perform(dataset: Dataset, options: Options, progress: Progress) -> Run:
    """Run a protocol in a temporary folder."""
    order = drawn_order(dataset, options)
    with TemporaryDirectory(prefix="engrain-eval-") as folder:
        run = Run(dataset, options, Path(folder), progress)
        {"static": run_static, "kfold": run_folds}.get(options.protocol, run_stream)(run, order)
    return run


def drawn_order(dataset: Dataset, options: Options) -> list[int]:
    """Return the judged questions in the order of a run.

    Raises
    ------
    ConfigError
        They are fewer than the protocol needs.
    """
    judged = dataset.judged(exclude_adversarial=options.exclude_adversarial)
    least = options.folds if options.protocol == "kfold" else 1
    if len(judged) < least:
        raise ConfigError(f"{dataset.name}: {len(judged)} judged questions, {least} are needed")
    return [judged[i] for i in np.random.default_rng(options.seed).permutation(len(judged))]


def split_folds(order: Sequence[int], folds: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield every fold's training and test questions."""
    parts = np.array_split(np.asarray(order), folds)
    for number, test in enumerate(parts):
        training = np.concatenate([part for p, part in enumerate(parts) if p != number])
        yield training.tolist(), test.tolist()


def run_static(run: Run, order: Sequence[int]) -> None:
    """Ask every question once; nothing is taught."""
    with run.subject("static") as subject:
        for done, index in enumerate(order, 1):
            run.note(subject, index, run.dataset.questions[index].relevant, counts=True)
            subject.ask(index)
            run.progress("asking", done, len(order))


def run_folds(run: Run, order: Sequence[int]) -> None:
    """Teach all folds but one, freeze, and ask the one; for every fold."""
    folds = run.options.folds
    for number, (training, test) in enumerate(split_folds(order, folds)):
        label = f"fold {number + 1} of {folds}"
        run.rewarded, run.praised = set(), {}
        with run.subject(f"fold{number}") as subject:
            teach = teach_judged if run.options.teach == "judge" else teach_shown
            for done in teach(run, subject, training):
                run.progress(label, done, len(order))
            subject.memory.refit()
            if run.options.trees:
                run.plant(subject, training)
            for done, index in enumerate(test, len(training) + 1):
                run.note(subject, index, run.dataset.questions[index].relevant, counts=True)
                subject.glance(index)
                run.progress(label, done, len(order))


def teach_judged(run: Run, subject: Subject, training: Iterable[int]) -> Iterator[int]:
    """Judge every training question; yields the number of questions taught."""
    for done, index in enumerate(training, 1):
        subject.judge(index)
        run.rewarded |= run.dataset.questions[index].relevant
        yield done


def teach_shown(run: Run, subject: Subject, training: Iterable[int]) -> Iterator[int]:
    """Ask every training question and give the outcomes of what was shown."""
    user = User(run.options)
    for done, index in enumerate(training, 1):
        recall = subject.ask(index)
        outcomes = user.outcomes(recall, run.dataset.questions[index].relevant)
        settle(run, subject, index, recall, outcomes)
        if done % run.options.refit_every == 0:
            subject.memory.refit()
        yield done


def run_stream(run: Run, order: Sequence[int]) -> None:
    """Answer and learn question by question, twice over for `repeat`."""
    repeat = run.options.protocol == "repeat"
    passes = [*order, *order] if repeat else list(order)
    counted = len(order) if repeat else len(order) // 2
    run.early = early_half([d.id for d in run.dataset.documents], run.options.seed)
    user, attacker = User(run.options), Attacker(run.dataset, run.options)
    waiting: deque[tuple[int, Recall, dict[Any, float]]] = deque()
    changed = 0
    with run.subject("stream") as subject:
        attacker.bring(subject)
        for step, index in enumerate(passes):
            relevant = relevant_at(run, index, late=step >= len(passes) // 2)
            if not relevant:
                continue
            run.note(subject, index, relevant, counts=step >= counted)
            late = step >= len(passes) // 2
            run.since.append(changed if late else -1)
            recall = subject.ask(index)
            if step >= counted:
                target = attacker.targets[run.dataset.questions[index].conv]
                found = None if index in attacker.copied else intrusion(recall, target, relevant)
                run.intrusions += [] if found is None else [found]
            waiting.append((index, recall, user.outcomes(recall, relevant)))
            if len(waiting) > run.options.delay:
                settle(run, subject, *waiting.popleft())
                changed += late
            attacker.act(subject, index)
            if (step + 1) % run.options.refit_every == 0:
                subject.memory.refit()
            run.progress("learning", step + 1, len(passes))
        run.ledger = subject.memory.lift()


def settle(
    run: Run, subject: Subject, index: int, recall: Recall, outcomes: dict[Any, float]
) -> None:
    """Give the outcomes of a recall, perhaps long after it."""
    subject.answer(recall, outcomes, joint=run.options.clicks == "joint")
    run.heard(run.dataset.questions[index], outcomes)


def relevant_at(run: Run, index: int, *, late: bool) -> frozenset[str]:
    """Return the right answers to a question at this point of the stream."""
    relevant = run.dataset.questions[index].relevant
    if not run.options.drift:
        return relevant
    return relevant - run.early if late else relevant & run.early


def is_builtin(mechanism: str) -> bool:
    """Tell whether a mechanism is a column of the memory itself, as ``s:…`` and ``e:…`` are."""
    return mechanism.startswith(("s:", "x:", "e:", "r:"))


def share(flags: Sequence[bool]) -> float:
    """Return the share of true flags, 0 of none."""
    return float(np.mean(flags)) if flags else 0.0


def recovery(studied: Sequence[Studied], since: Sequence[int]) -> dict[str, Any]:
    """Return how far above the prior the ranking is after other documents became the right ones."""
    gain = np.array([s.learned.ndcg10 - s.prior.ndcg10 for s in studied])
    after = np.array(since)
    early = (after >= 0) & (after < RECOVERY)
    return {"within_50": part(gain, early), "later": part(gain, after >= RECOVERY)}


def curve(studied: Sequence[Studied]) -> list[dict[str, float]]:
    """Return static and learned nDCG@10 in up to twenty equal parts of the stream."""
    parts = np.array_split(np.arange(len(studied)), min(CURVE_POINTS, len(studied)))
    return [
        {
            "requests": int(block[-1]) + 1,
            "static": float(np.mean([studied[i].static.ndcg10 for i in block])),
            "learned": float(np.mean([studied[i].learned.ndcg10 for i in block])),
        }
        for block in parts
        if len(block)
    ]
