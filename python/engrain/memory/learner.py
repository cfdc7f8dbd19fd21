"""What a memory learns: evidence, ranking weights, the ledger of lift, the standing of principals.

Order matters and replay keeps it: rows are taken from the state as it is; feedback first settles
the ledger and the weights from the stored rows, and only then becomes evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, I64Array
from engrain.base.errors import NonFiniteError
from engrain.base.protocols import Component, Query, Trace
from engrain.kernels.loop import InstantLearningLoop, LoopRule, LoopTrace
from engrain.kernels.ranking import raise_to_eighth, zero_untold
from engrain.memory.codec import Arrays
from engrain.memory.columns import reorder_arrays
from engrain.memory.evidence import Evidence, Similar
from engrain.memory.index import Block, Search
from engrain.memory.joint import INFORMATION, evidence_alone, shared_out
from engrain.memory.ledger import Ledger
from engrain.memory.prior import prior_trust, prior_weights
from engrain.memory.question import Question
from engrain.memory.ranking import STATE_AXES, RankingModel
from engrain.memory.residual import Residual
from engrain.memory.safeguard import Safeguard
from engrain.memory.traces import OpenTrace
from engrain.memory.trust import Trust

SHOWN_LAMBDA = 100.0  # outcomes of the shown, where nothing else is known of the request
CLICK_LAMBDA = 20.0  # where rows of candidates that were not shown stand beside them
JUDGE_LAMBDA = 10.0
JUDGE_OMEGA = 0.5
AGAIN = "e:again"  # e:near to the eighth: whether the very question was asked before
LEARNED = (*Evidence.NAMES, AGAIN, *Residual.NAMES)
SIGNS = (*Evidence.SIGNS, 1, *Residual.SIGNS)
CORRECTIONS = ("e:count", "e:agree")


@dataclass(frozen=True, slots=True)
class Taught:
    """What one lesson did.

    Attributes
    ----------
    share : float
        Of a weight step that the principal may cause.
    number : int
        Of a judged question in evidence, -1 where it was not admitted.
    better, worse : bool
        The model as it was before this lesson was proven better than the kept one, and is kept
        now; or worse, and went back to it.
    """

    share: float
    number: int = -1
    better: bool = False
    worse: bool = False


def click_lambda(trace: OpenTrace) -> float:
    """Return the prior precision for what was said of a recall."""
    return CLICK_LAMBDA if len(trace.listed) > len(trace.handles) else SHOWN_LAMBDA


class Learner:
    """The learned state of one tenant.

    Parameters
    ----------
    dim : int
        Width of the first vector view, 0 without vectors.
    static_names : sequence of str
        Columns of the static index.
    components : sequence of Component
        Further columns.
    prior : str
        Kind of weights to start from and to shrink to; see `engrain.memory.prior`.
    """

    def __init__(
        self,
        dim: int,
        static_names: Sequence[str],
        components: Sequence[Component],
        prior: str = "base",
    ) -> None:
        self.components = tuple(components)
        self.evidence, self.residual = Evidence(dim), Residual(dim)
        self.names = (*static_names, *LEARNED, *(c.name for c in self.components))
        kinds = ["static"] * len(static_names) + ["evidence"] * len(LEARNED)
        kinds += [component.kind for component in self.components]
        signs = [0] * len(static_names) + list(SIGNS)
        signs += [component.sign for component in self.components]
        base, held = prior_weights(prior, self.names), prior_trust(prior)
        self.model, self.control = (
            RankingModel(
                self.names,
                kinds,
                signs,
                base=base,
                lam=CLICK_LAMBDA,
                evidence=evidence,
                trust=held,
            )
            for evidence in (True, False)
        )
        self.correct_for_exposure(False)
        self._again = self.names.index("e:near"), self.names.index(AGAIN)
        self._credited = self.names.index("e:count")
        self._telling = self.model.evidence_mask
        self._telling[self.names.index("e:ridge")] = False  # the cosine, until there is a ridge
        self.ledger = Ledger(self.names, kinds)
        self.trust = Trust()
        self.guard = Safeguard(self.names, kinds, self.model, self.control)
        self.loop = InstantLearningLoop(
            dim, self.model, self.control, self.ledger, self.evidence, LoopRule()
        )

    def correct_for_exposure(self, wanted: bool) -> None:
        """Let the weights of e:count and e:agree learn, or hold them at 0.

        They take from memories that were praised before. That is right where answers recur; where
        each question is about another memory they would teach that praise is a bad sign.
        """
        for name in CORRECTIONS:
            self.model.set_available(name, wanted)
        if not wanted:
            weights = self.model.weights
            weights[[self.names.index(name) for name in CORRECTIONS]] = 0.0
            self.model.weights = weights

    @contextmanager
    def trying_corrections(self, wanted: bool) -> Iterator[None]:
        """Have `correct_for_exposure` in force within the block only."""
        learnable, weights = self.model.learnable, self.model.weights
        self.correct_for_exposure(wanted)
        try:
            yield
        finally:
            self.model.learnable, self.model.weights = learnable, weights

    def column_weights(self, known: Mapping[str, float]) -> F32Array:
        """Return weights given by name as a row, 0 for columns not named."""
        return np.array([known.get(name, 0.0) for name in self.names], dtype=np.float32)

    def score(self, rows: F32Array) -> F32Array:
        """Return the scores of rows by the weights in force, shape (n,)."""
        return self.guard.score(rows)

    # -- before learning ------------------------------------------------------------------------

    def similar(self, question: Question, exclude: int = -1) -> Similar:
        """Compare a question with the past ones of its scope."""
        return self.evidence.similarity(
            question.scope,
            question.vector,
            question.terms,
            question.counts,
            question.idf,
            exclude,
        )

    def rows(
        self,
        question: Question,
        search: Search,
        block: Block,
        similar: Similar,
        time: float,
        exclude: int = -1,
    ) -> F32Array:
        """Complete the rows of the candidates in `block`, shape (n, columns), and return them."""
        rows = block.x
        self.evidence.features(
            similar,
            question.terms,
            question.counts,
            question.idf,
            search.average_length,
            search.bm25_sd,
            block.handles,
            block.static,
            block.centred if question.vector is not None else None,
            block.tf,
            block.length,
            exclude,
            rows,
            len(block.names),
        )
        near, again = self._again
        raise_to_eighth(rows, near, again)
        self.residual.write(
            question.scope, question.vector, block.centred, rows, again + 1, exclude, similar
        )
        if self.components:
            self._score_components(question, block.handles, time, rows)
        return rows

    def _score_components(
        self, question: Question, handles: I64Array, time: float, rows: F32Array
    ) -> None:
        query = Query(question.text, question.vector, question.scope, time)
        first = rows.shape[1] - len(self.components)
        for place, component in enumerate(self.components, first):
            out = np.zeros(len(handles), np.float32)
            component.score(query, handles, out)
            if not np.isfinite(out).all():
                raise NonFiniteError(f"component {component.name!r}: scored NaN or infinity")
            rows[:, place] = out

    # -- learning -------------------------------------------------------------------------------

    def observe(self, trace: OpenTrace) -> None:
        """Take note of what was shown."""
        trace.shown = self._opened(trace, self.loop.observe, trace.time)

    def _opened(
        self, trace: OpenTrace, opening: Callable[..., LoopTrace], *time: float
    ) -> LoopTrace:
        question = trace.question
        return opening(
            question.vector,
            trace.handles,
            trace.kept,
            *time,
            runners=trace.runners,
            scope=question.scope,
            terms=question.terms,
            counts=question.counts,
            idf=question.idf,
        )

    def click(
        self,
        trace: OpenTrace,
        told: F32Array,
        now: float,
        principal: str | None,
        centred: F32Array | None,
        extras: Mapping[str, Any],
    ) -> Taught:
        """Learn from outcomes of the shown, NaN where nothing was said, in one fused call.

        `extras` are joint (one reward for all shown), quality, latency_ms, target_latency_ms,
        model_tier and context_tokens, as far as they are known. A joint reward is evidence for
        those that are expected to have earned it; static weights it leaves alone.
        """
        share = self.trust.step_weight(principal)
        if extras.get("joint"):
            credited = trace.rows[:, self._credited]
            told = shared_out(self.score(trace.rows), credited, told)
            self._step_by_evidence(trace.listed, told, share)
            share = 0.0
        outcomes = zero_untold(told)
        better, worse = self.guard.observe(trace.rows, outcomes, share)
        expected = self.control.score(trace.rows)
        masses = None if principal is None else self._masses(trace.handles, told, principal)
        wanted = extras.get("target_latency_ms")
        self.loop.learn(
            trace.shown or self._opened(trace, self.loop.reopen),
            told,
            now,
            vectors=centred,
            masses=masses,
            admit=self.trust.is_established(principal),
            information=share * CLICK_LAMBDA / click_lambda(trace),
            quality=extras.get("quality"),
            latency_ratio=extras.get("latency_ms", wanted) / wanted if wanted else 1.0,
            model_tier=extras.get("model_tier", 0),
            context_tokens=extras.get("context_tokens", 0),
        )
        if centred is not None and share > 0.0:
            asked = trace.question
            self.residual.add(
                asked.scope,
                asked.vector,
                trace.handles,
                centred,
                expected,
                outcomes,
                share=share * (1.0 if masses is None else granted(masses, outcomes)),
                evidence=self.evidence,
            )
        self._teach_components(trace.question, trace.time, trace.handles, trace.rows, told)
        return Taught(share, better=better, worse=worse)

    def _step_by_evidence(self, listed: F32Array, told: F32Array, share: float) -> None:
        """Move the weights of evidence by the parts of a joint reward, as far as it may."""
        outcomes = np.zeros(len(listed), np.float32)
        outcomes[: len(told)] = zero_untold(told)
        if share > 0.0 and outcomes.any():
            learnable = self.model.learnable
            for name in CORRECTIONS:
                self.model.set_available(name, True)
            rows = evidence_alone(listed, self._telling)
            self.model.step(rows, outcomes, lam=CLICK_LAMBDA / (share * INFORMATION))
            self.model.learnable = learnable

    def _teach_components(
        self, question: Question, time: float, handles: I64Array, rows: F32Array, told: F32Array
    ) -> None:
        if not self.components:
            return
        query = Query(question.text, question.vector, question.scope, time)
        seen = Trace(query, handles, rows, self.score(rows))
        for component in self.components:
            component.learn(seen, told)

    def _masses(self, handles: I64Array, told: F32Array, principal: str) -> F32Array:
        """Return what the principal may still give each memory; nothing for one not used."""
        masses = np.zeros(len(told), np.float32)
        for place in np.flatnonzero(told > 0).tolist():
            masses[place] = self.trust.mass(principal, int(handles[place]), float(told[place]))
        return masses

    def judge(
        self,
        question: Question,
        candidates: I64Array,
        rows: F32Array,
        handles: I64Array,
        grades: F32Array,
        principal: str | None,
        centred: F32Array,
        around: F32Array,
        now: float,
    ) -> Taught:
        """Learn from judgments of any memories.

        `centred` are the vectors of the judged, `around` those of the candidates.
        """
        masses = np.minimum(grades, 1.0)
        relevant = masses > 0
        outcomes = outcomes_of(candidates, handles, masses)
        seen = bool(self._rewarded(handles[relevant]).any())
        share = self.trust.step_weight(principal)
        better, worse = self.guard.observe(rows, outcomes, share)
        self._settle(rows, outcomes, seen, share)
        expected = self.control.score(rows)
        self._step(rows, outcomes, 0.0 if seen else JUDGE_OMEGA, share)
        number, granted_share = self._credit(
            question, handles[relevant], masses[relevant], principal, centred[relevant]
        )
        if share > 0.0:
            self.residual.add(
                question.scope,
                question.vector,
                candidates,
                around,
                expected,
                outcomes,
                number=number,
                share=share * granted_share,
                evidence=self.evidence,
            )
        self._teach_components(question, now, candidates, rows, outcomes)
        return Taught(share, number, better, worse)

    def _rewarded(self, handles: I64Array) -> BoolArray:
        return np.array([self.evidence.mass(h) > 0 for h in handles.tolist()], np.bool_)

    def _settle(self, rows: F32Array, outcomes: F32Array, overlap: bool, share: float) -> None:
        if share > 0.0 and outcomes.any():
            self.ledger.update(rows, outcomes, self.model.weights, self.control.weights, overlap)

    def _step(self, rows: F32Array, outcomes: F32Array, omega: float, share: float) -> None:
        """Move the weights by a judged list, as far as its principal may."""
        if share > 0.0:
            for model in (self.model, self.control):
                model.step(rows, outcomes, omega=omega, lam=JUDGE_LAMBDA / share)

    def _credit(
        self,
        question: Question,
        handles: I64Array,
        outcomes: F32Array,
        principal: str | None,
        centred: F32Array,
    ) -> tuple[int, float]:
        """Add a question with what was used; memories whose bound is spent get no mass.

        Returns its number, -1 where it was not admitted, and the share of the masses granted.

        A newcomer's question that credits nothing is not admitted: it would only push honest ones
        out of the ring and dilute their shares.
        """
        allowed = [
            self.trust.mass(principal, handle, outcome)
            for handle, outcome in zip(handles.tolist(), outcomes.tolist(), strict=True)
        ]
        masses = np.array(allowed, np.float32)
        kept = masses > 0
        if not kept.any() and not self.trust.is_established(principal):
            return -1, 0.0
        number = self.evidence.add(
            question.scope,
            question.vector,
            question.terms,
            question.counts,
            handles[kept],
            masses[kept],
            centred[kept] if question.vector is not None else None,
            question.idf,
        )
        return number, granted(masses, outcomes)

    def forget(self, handle: int) -> None:
        """Drop what was learned about a memory."""
        self.loop.forget(handle)
        self.residual.forget(handle)
        self.trust.forget(handle)
        for component in self.components:
            component.forget(handle)

    def take_fit(
        self, arrays: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str] | None = None
    ) -> None:
        """Take over logged results of a refit over columns `names` (default: these)."""
        self.correct_for_exposure(bool(arrays["corrections"]))
        if "ridge" in arrays:
            self.evidence.set_ridge(arrays["ridge"])
        for name, model in (("model", self.model), ("control", self.control)):
            own = {key: arrays[f"{name}/{key}"] for key in ("weights", "scales", "precision")}
            axes = {key: STATE_AXES[key] for key in own}
            own = reorder_arrays(own, model.state(), names or self.names, self.names, axes)
            model.set_weights(own["weights"], own["scales"], own["precision"])

    # -- snapshots ------------------------------------------------------------------------------

    def _parts(self) -> dict[str, Any]:
        named = {f"component/{c.name}": c for c in self.components}
        parts = {
            "loop": self.loop,
            "residual": self.residual,
            "trust": self.trust,
            "guard": self.guard,
        }
        return parts | named

    def state(self) -> Arrays:
        """Return all learned state as named arrays."""
        return {
            f"{part}/{name}": array
            for part, holder in self._parts().items()
            for name, array in holder.state().items()
        }

    def load(
        self, state: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str] | None = None
    ) -> None:
        """Take over a state of columns `names`; parts that it lacks start untaught."""
        for part, holder in self._parts().items():
            prefix = part + "/"
            own = {n.removeprefix(prefix): a for n, a in state.items() if n.startswith(prefix)}
            if own and part == "loop":
                own = self._reordered(own, names or self.names)
            elif own and part == "guard":
                own = self.guard.reorder(own, names or self.names)
            if own:
                holder.load(own)

    def _reordered(
        self, own: Mapping[str, np.ndarray[Any, Any]], names: Sequence[str]
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Bring what runs over columns into the order of today's."""
        out = dict(own)
        parts: dict[str, Any] = {
            "model": self.model,
            "control": self.control,
            "ledger": self.ledger,
        }
        for part, holder in parts.items():
            prefix = part + "/"
            of = {n.removeprefix(prefix): a for n, a in own.items() if n.startswith(prefix)}
            if of:
                out |= {prefix + n: a for n, a in holder.reorder(of, names).items()}
        return out


def granted(masses: F32Array, outcomes: F32Array) -> float:
    """Return what a principal was allowed to give, as a share of what it told."""
    told = float(outcomes.sum())
    return float(masses.sum()) / told if told > 0 else 0.0


def outcomes_of(candidates: I64Array, handles: I64Array, masses: F32Array) -> F32Array:
    """Spread the masses of judged `handles` over ascending `candidates`, 0 elsewhere."""
    _, places, chosen = np.intersect1d(candidates, handles, assume_unique=True, return_indices=True)
    outcomes = np.zeros(len(candidates), np.float32)
    outcomes[places] = masses[chosen]
    return outcomes
