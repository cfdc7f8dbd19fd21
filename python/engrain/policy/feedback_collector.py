"""What a user's reaction says about the answer before it."""

from __future__ import annotations

from typing import Final, NamedTuple

from engrain.base.errors import ConfigError
from engrain.policy.feedback_model import FeedbackModel, shipped_model
from engrain.policy.feedback_text import KINDS

ENGAGEMENT: Final = 0.1
# Strength without any phrase, its growth per phrase, reward of full strength, and the classes of
# phrases that count.
_SCALES: Final[dict[str, tuple[float, float, float, tuple[str, ...]]]] = {
    "positive": (0.5, 0.2, 1.0, ("positive", "softened")),
    "negative": (0.5, 0.2, -1.0, ("negative",)),
    "correction": (0.4, 0.2, -0.5, ("correction", "hedge")),
    "confusion": (0.4, 0.2, -0.3, ("confusion",)),
}


class FeedbackSignal(NamedTuple):
    """One kind of feedback in a reaction.

    Attributes
    ----------
    kind : {"positive", "negative", "correction", "confusion", "engagement", "disengagement"}
    strength : float
        In [0, 1]; grows with the number of phrases that say so.
    confidence : float
        Probability that the reaction holds this kind.
    reward : float
        Positive .5 to 1, negative -.5 to -1, correction -.2 to -.5, confusion -.12 to -.3,
        engagement .1, disengagement -.1.
    """

    kind: str
    strength: float
    confidence: float
    reward: float


class Feedback(NamedTuple):
    """All signals of one reaction.

    Attributes
    ----------
    signals : tuple of FeedbackSignal
    reward : float
        Mean of the signals' rewards weighted by their confidence, in [-1, 1]; 0 without signals.
    confidence : float
        Of the surest signal; 0 without signals.
    """

    signals: tuple[FeedbackSignal, ...]
    reward: float
    confidence: float

    @property
    def explicit(self) -> bool:
        """Whether the user said something about the answer, beyond going on or away."""
        return any(signal.kind in KINDS for signal in self.signals)

    @property
    def memory_was_relevant(self) -> bool | None:
        """Whether the memories helped; None where the user did not say."""
        return self.reward > 0 if self.explicit else None


class FeedbackCollector:
    """Extracts learning signals from what users answer; abstains where they say nothing.

    Parameters
    ----------
    model : FeedbackModel, optional
        Default: the one that comes with the package.
    threshold : float
        Probability from which a kind counts, in (0, 1).

    Raises
    ------
    ConfigError
        The threshold is not in (0, 1).
    """

    def __init__(self, model: FeedbackModel | None = None, threshold: float = 0.5) -> None:
        if not 0 < threshold < 1:
            raise ConfigError(f"threshold: expected a number in (0, 1), got {threshold!r}")
        self.model = model or shipped_model()
        self.threshold = threshold

    def extract(
        self,
        user_response: str,
        *,
        previous: str = "",
        conversation_continued: bool = True,
        topic_switched: bool = False,
    ) -> Feedback:
        """Read a reaction.

        Parameters
        ----------
        user_response : str
            Empty: the user said nothing.
        previous : str
            The answer that it reacts to.
        conversation_continued, topic_switched : bool
            Count only where the reaction itself holds no feedback: a switch of topic as
            disengagement, an answer that goes on as engagement.

        Raises
        ------
        TypeError
            Not a str.
        """
        if not isinstance(user_response, str):
            raise TypeError(f"user_response: expected str, got {type(user_response).__name__}")
        signals = self._spoken(user_response, previous)
        if not signals:
            signals = _implied(user_response, conversation_continued, topic_switched)
        return _combine(signals)

    def _spoken(self, text: str, previous: str) -> tuple[FeedbackSignal, ...]:
        probabilities, cues = self.model.score(text, previous)
        if max(probabilities) < self.threshold:
            return ()
        found = []
        for kind, chance in zip(KINDS, probabilities, strict=True):
            if chance >= self.threshold:
                base, growth, full, classes = _SCALES[kind]
                count = sum([cues.get(name, 0) for name in classes])
                strength = min(1.0, base + growth * count)
                found.append(FeedbackSignal(kind, strength, chance, full * strength))
        return tuple(found)


def _implied(text: str, continued: bool, switched: bool) -> tuple[FeedbackSignal, ...]:
    if switched:
        return (FeedbackSignal("disengagement", 1.0, 1.0, -ENGAGEMENT),)
    if continued and text.strip():
        return (FeedbackSignal("engagement", 1.0, 1.0, ENGAGEMENT),)
    return ()


def _combine(signals: tuple[FeedbackSignal, ...]) -> Feedback:
    if not signals:
        return Feedback((), 0.0, 0.0)
    if len(signals) == 1:
        return Feedback(signals, signals[0].reward, signals[0].confidence)
    mass = sum(signal.confidence for signal in signals)
    reward = sum(signal.confidence * signal.reward for signal in signals) / mass
    return Feedback(signals, reward, max(signal.confidence for signal in signals))
