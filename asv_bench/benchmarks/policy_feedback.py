from __future__ import annotations

from importlib import resources
from importlib.util import find_spec

import numpy as np

from engrain.kernels import CUES, reference
from engrain.policy.feedback_collector import FeedbackCollector
from engrain.policy.feedback_corpora import own_sentences
from engrain.policy.feedback_text import readable

from .common import needs

SHORT = "Thanks, that worked!"
LONG = (
    "I don't think that's right because the function you gave me still fails with the same error "
    "on line 12, can you look again?"
)


class ReadFeedback:
    """What a user's answer says, beside a bag of words with a logistic regression."""

    params = [SHORT, LONG]
    param_names = ["text"]

    def setup(self, text):
        self.collector = FeedbackCollector()
        self.table = self.collector.model.table
        self.peer = _bag_of_words()

    def time_engrain(self, text):
        self.collector.extract(text)

    @needs("sklearn")
    def time_sklearn(self, text):
        self.peer.predict_proba([text])

    def time_find_phrases(self, text):
        self.table.find(text)

    def time_read_utterance(self, text):
        self.table.read(text, "")

    def time_score_utterance(self, text):
        self.collector.model.score(text)

    def track_oracle_agreement(self, text):
        entries = list(_entries())
        assert reference.find_phrases(text, entries) == self.table.find(text)
        features, cues = self.table.read(text, "")
        expected, counted = reference.read_utterance(text, "", entries)
        assert (features == expected).all()
        assert cues == counted
        model, counts = self.collector.model, [cues.get(name, 0) for name in CUES]
        exact = reference.score_utterance(features, counts, model.codes, model.weights)
        return float(np.abs(np.array(model.score(text).probabilities) - exact).max())


def _entries():
    """Return the phrases that ship as (class, phrase, whole)."""
    file = resources.files("engrain.policy").joinpath("feedback_phrases.tsv")
    for line in file.read_text("utf-8").splitlines():
        kind, _, phrases = line.split("\t")
        for phrase in phrases.split(" | "):
            yield kind, readable(phrase.removeprefix("=")), phrase.startswith("=")


def _bag_of_words():
    """Return TF-IDF of one and two words with scikit-learn's regression, on the same sentences."""
    if find_spec("sklearn") is None:
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    sentences = own_sentences()
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())
    labels = ["positive" in sentence.kinds for sentence in sentences]
    return model.fit([sentence.text for sentence in sentences], labels)
