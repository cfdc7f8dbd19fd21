"""Continuous learning of the nets from what users answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import dlpack

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, UnknownIdError
from engrain.base.ids import Id
from engrain.policy.confidence_estimator import ConfidenceEstimator, score_features
from engrain.policy.feedback_collector import ENGAGEMENT, FeedbackCollector, FeedbackSignal
from engrain.policy.losses import confidence_loss, relevance_loss, reward_loss
from engrain.policy.memory_bank import MemoryBank
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.nets import AdamState, mode
from engrain.policy.replay_buffer import ReplayBuffer, ReplayEntry
from engrain.policy.situation_encoder import SituationEncoder, metadata_features
from engrain.policy.strategy_selector import StrategyRegistry, StrategySelector

EMA: Final = 0.1
NOTHING: Final = frozenset[str]()


class InteractionOutcome(NamedTuple):
    """What one interaction taught.

    Attributes
    ----------
    signals : tuple of FeedbackSignal
    reward : float
        In [-1, 1].
    confidence_target : float
        (reward + 1) / 2.
    memory_was_relevant : bool or None
        None where the user said nothing about the answer.
    strategy_was_correct : bool
        The reward is above -.2.
    updated : frozenset of {"encoder", "gate", "strategy", "confidence"}
        The nets that this call trained: most calls none, every `update_every`-th those that the
        replayed interactions could reach.
    """

    signals: tuple[FeedbackSignal, ...]
    reward: float
    confidence_target: float
    memory_was_relevant: bool | None
    strategy_was_correct: bool
    updated: frozenset[str]


class OnlineTrainer:
    """Trains the nets on replayed interactions while they are in use.

    Every `update_every` interactions one step of Adam on a batch drawn with preference for recent
    ones, gradients clipped. Selector and estimator learn from every interaction. Encoder and gate
    learn from those recorded with `inputs` and `memory_ids`: a finished embedding and bare indices
    let no gradient through.

    Parameters
    ----------
    encoder, gate, selector, estimator : the nets
    registry : StrategyRegistry, optional
        Default: the generic strategies.
    buffer : ReplayBuffer, optional
        Default: one in memory.
    memory_bank : MemoryBank, optional
        Where memories are looked up by id.
    collector : FeedbackCollector, optional
    lr : float
    batch_size : int
    update_every : int, optional
        None: never by itself, see `BackgroundTraining`.
    memory_weight, strategy_weight, confidence_weight : float
    max_grad_norm : float
    seed : int
        Of dropout.

    Raises
    ------
    ConfigError
        A setting is out of its range, or the registry does not fit the selector.
    """

    def __init__(
        self,
        encoder: SituationEncoder,
        gate: MemoryGate,
        selector: StrategySelector,
        estimator: ConfidenceEstimator,
        registry: StrategyRegistry | None = None,
        *,
        buffer: ReplayBuffer | None = None,
        memory_bank: MemoryBank | None = None,
        collector: FeedbackCollector | None = None,
        lr: float = 1e-4,
        batch_size: int = 16,
        update_every: int | None = 5,
        memory_weight: float = 1.0,
        strategy_weight: float = 1.0,
        confidence_weight: float = 0.5,
        max_grad_norm: float = 1.0,
        seed: int = 0,
    ) -> None:
        if lr <= 0 or batch_size < 1 or update_every == 0 or max_grad_norm <= 0:
            raise ConfigError(
                "expected a positive lr, batch_size, update_every and max_grad_norm, got "
                f"{lr}, {batch_size}, {update_every}, {max_grad_norm}"
            )
        self.encoder, self.gate, self.selector, self.estimator = encoder, gate, selector, estimator
        self.registry = registry or StrategyRegistry()
        if len(self.registry) != selector.num_strategies:
            raise ConfigError(
                f"registry: has {len(self.registry)} strategies, the selector "
                f"{selector.num_strategies}"
            )
        self.buffer = ReplayBuffer() if buffer is None else buffer
        self.memory_bank, self.collector = memory_bank, collector or FeedbackCollector()
        self.batch_size, self.update_every = batch_size, update_every
        self.weights = (memory_weight, strategy_weight, confidence_weight)
        self.max_grad_norm, self._seed = max_grad_norm, seed
        self._parameters = [p for net in self.nets for p in net.parameters()]
        self.optimizer = torch.optim.Adam(self._parameters, lr=lr, fused=True)
        self.ema_loss = 0.0
        self.total_updates = self.interactions = 0

    @property
    def nets(self) -> tuple[nn.Module, ...]:
        """The four nets in the order of the arguments."""
        return self.encoder, self.gate, self.selector, self.estimator

    @property
    def buffer_size(self) -> int:
        """Interactions kept for replay."""
        return len(self.buffer)

    def record_interaction(
        self,
        situation_emb: Any,
        memory_indices: Any,
        memory_scores: Any,
        strategy_id: str,
        confidence: float,
        user_response: str,
        *,
        conversation_continued: bool = True,
        topic_switched: bool = False,
        inputs: tuple[Any, Any, Mapping[str, Any]] | None = None,
        memory_ids: Sequence[Id] = (),
        propensity: float | None = None,
    ) -> InteractionOutcome:
        """Learn from one interaction.

        Parameters
        ----------
        situation_emb : array_like, shape (situation_dim,)
        memory_indices : sequence of int, shape (n,)
        memory_scores : array_like, shape (n,)
        strategy_id : str
        confidence : float
            As predicted, in [0, 1].
        user_response : str
            What the user answered; empty: nothing.
        conversation_continued, topic_switched : bool
        inputs : tuple of (message_emb, history_emb, metadata), optional
            What the situation was encoded from: lets the encoder learn.
        memory_ids : sequence of ids, optional
            Of the memories shown, known to `memory_bank`: with `inputs` lets the gate learn.
        propensity : float, optional
            Probability with which the strategy was chosen, kept for off-policy evaluation.

        Raises
        ------
        UnknownIdError
            The strategy is not registered; nothing was recorded.
        ShapeError, NonFiniteError, ConfigError, TypeError
            Bad input; nothing was recorded.
        """
        self.registry.index(strategy_id)
        feedback = self.collector.extract(
            user_response,
            conversation_continued=conversation_continued,
            topic_switched=topic_switched,
        )
        self.buffer.add(
            ReplayEntry(
                _plain(situation_emb),
                memory_indices,
                _plain(memory_scores),
                strategy_id,
                confidence,
                feedback.reward,
                memory_ids,
                None if inputs is None else (_plain(inputs[0]), _plain(inputs[1]), inputs[2]),
                propensity,
            )
        )
        self.interactions += 1
        due = self.update_every is not None and self.interactions % self.update_every == 0
        updated = self.step() if due else NOTHING
        return InteractionOutcome(
            feedback.signals,
            feedback.reward,
            (feedback.reward + 1) / 2,
            feedback.memory_was_relevant,
            feedback.reward > -0.2,
            updated,
        )

    def step(self) -> frozenset[str]:
        """Train on one batch of replayed interactions; return the names of the nets it reached."""
        entries = self.buffer.sample(self.batch_size)
        if not entries:
            return NOTHING
        self.optimizer.zero_grad(set_to_none=True)
        with torch.random.fork_rng(devices=[]), mode(True, *self.nets):
            torch.manual_seed(self._seed + self.total_updates)
            losses = self.losses(entries)
        total = torch.stack(list(losses.values())).sum()
        if not losses or not bool(torch.isfinite(total)):
            return NOTHING
        torch.autograd.backward(total)
        reached = self._reached()
        nn.utils.clip_grad_norm_(self._parameters, self.max_grad_norm)
        self.optimizer.step()
        self.gate.project()
        loss = float(total.detach())
        self.ema_loss = loss if self.total_updates == 0 else (1 - EMA) * self.ema_loss + EMA * loss
        self.total_updates += 1
        return reached

    def losses(self, entries: Sequence[ReplayEntry]) -> dict[str, Tensor]:
        """Return the weighted losses that these interactions give, with gradients.

        Rewards of engagement (±.1) and of silence say nothing about memories and confidence; they
        count for the strategy alone, by their size.
        """
        memory, strategy, confidence = self.weights
        situations = self._situations(entries)
        reward = torch.tensor([entry.reward for entry in entries])
        chosen = torch.tensor([self.registry.index(entry.strategy_id) for entry in entries])
        policy = self.selector.log_policy(situations)
        found = {"strategy": strategy * reward_loss(policy, chosen, reward)}
        spoken = [i for i, entry in enumerate(entries) if abs(entry.reward) > ENGAGEMENT]
        if spoken:
            context = torch.stack([_context(entries[i]) for i in spoken])
            logits = self.estimator(situations[spoken], context)
            found["confidence"] = confidence * confidence_loss(logits, (reward[spoken] + 1) / 2)
        relevance = self._relevance(entries, spoken, situations, reward)
        if relevance is not None:
            found["memory"] = memory * relevance
        return found

    def _situations(self, entries: Sequence[ReplayEntry]) -> Tensor:
        """Return the situations, encoded anew where their inputs were recorded."""
        rows = torch.from_numpy(np.stack([entry.situation_emb for entry in entries]))
        open_ = [i for i, entry in enumerate(entries) if entry.inputs is not None]
        if not open_:
            return rows
        given = [entry.inputs for entry in entries if entry.inputs is not None]
        message = torch.from_numpy(np.stack([inputs.message_emb for inputs in given]))
        history = torch.from_numpy(np.stack([inputs.history_emb for inputs in given]))
        metadata = torch.tensor([metadata_features(inputs.metadata) for inputs in given])
        return rows.index_copy(0, torch.tensor(open_), self.encoder(message, history, metadata))

    def _relevance(
        self,
        entries: Sequence[ReplayEntry],
        spoken: Sequence[int],
        situations: Tensor,
        reward: Tensor,
    ) -> Tensor | None:
        """Return the loss of the gate on the memories of the interactions that reach it."""
        places: dict[Id, int] = {}
        vectors: list[F32Array] = []
        taught: list[int] = []
        for i in spoken:
            rows = self._vectors(entries[i])
            if rows is not None:
                taught.append(i)
                for id, row in zip(entries[i].memory_ids, rows, strict=True):
                    if places.setdefault(id, len(vectors)) == len(vectors):
                        vectors.append(row)
        if not taught:
            return None
        memories = torch.from_numpy(np.stack(vectors))
        shown = torch.zeros(len(taught), len(vectors), dtype=torch.bool)
        for row, i in enumerate(taught):
            shown[row, [places[id] for id in entries[i].memory_ids]] = True
        scores = self.gate(situations[taught], memories) / self.gate.temperature
        return relevance_loss(scores, shown, reward[taught])

    def _vectors(self, entry: ReplayEntry) -> F32Array | None:
        if self.memory_bank is None or entry.inputs is None or not entry.memory_ids:
            return None
        try:
            return self.memory_bank.vectors(entry.memory_ids)
        except UnknownIdError:  # forgotten since
            return None

    def _reached(self) -> frozenset[str]:
        names = ("encoder", "gate", "strategy", "confidence")
        return frozenset(
            name
            for name, net in zip(names, self.nets, strict=True)
            if any(p.grad is not None and bool(p.grad.any()) for p in net.parameters())
        )

    def state(self) -> dict[str, Any]:
        """Return counters, the running loss and the optimizer's moments."""
        return {
            "ema_loss": self.ema_loss,
            "total_updates": self.total_updates,
            "interactions": self.interactions,
            "optimizer": AdamState(self.optimizer).state(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`."""
        AdamState(self.optimizer).load(state["optimizer"])
        self.ema_loss = float(state["ema_loss"])
        self.total_updates = int(state["total_updates"])
        self.interactions = int(state["interactions"])


class _Lent:
    """A tensor's memory for NumPy.

    `Tensor.numpy` lets go of the GIL, and a log's writer that waits for it would take it each time.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self, **wishes: object) -> Any:
        return dlpack.to_dlpack(self.tensor)  # type: ignore[attr-defined]

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # DLPack's number of the CPU


def _plain(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    value = value.detach() if value.requires_grad else value
    lendable = value.is_cpu and value.dtype == torch.float32
    return np.from_dlpack(_Lent(value)) if lendable else value.numpy()


def _context(entry: ReplayEntry) -> Tensor:
    return score_features(torch.from_numpy(entry.memory_scores))
