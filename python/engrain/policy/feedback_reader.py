"""The feedback reader that hangs into a memory as the component "feedback"."""

from __future__ import annotations

from collections.abc import Sequence

from engrain.base.protocols import Reading
from engrain.policy.feedback_collector import FeedbackCollector


class UtteranceReader:
    """Reads an outcome from what a user said: ``Memory(components=["feedback"])``.

    Implements `engrain.base.protocols.FeedbackReader`.

    Parameters
    ----------
    collector : FeedbackCollector, optional
        Default: one with the weights that come with the package.
    """

    def __init__(self, collector: FeedbackCollector | None = None) -> None:
        self._collector = collector or FeedbackCollector()

    def read(self, text: str, previous: Sequence[str] = ()) -> Reading:
        """Read `text`, given the utterances before it.

        Returns
        -------
        Reading
            The outcome is (reward + 1) / 2; None where nothing was said about the answer.
        """
        feedback = self._collector.extract(text, previous=previous[-1] if previous else "")
        if not feedback.explicit:
            return Reading(None, 0.0)
        signals = {signal.kind: signal.strength for signal in feedback.signals}
        return Reading((feedback.reward + 1) / 2, feedback.confidence, signals)
