from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from engrain.kernels import hash_grams, reference, score_grams
from engrain.policy.feedback_collector import FeedbackCollector
from engrain.policy.feedback_corpora import own_sentences

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
        self.features = self.collector.model.features(text)[:3]
        self.peer = _bag_of_words()

    def time_engrain(self, text):
        self.collector.extract(text)

    @needs("sklearn")
    def time_sklearn(self, text):
        self.peer.predict_proba([text])

    def time_hash_grams(self, text):
        hash_grams(*self.features)

    def time_score_grams(self, text):
        score_grams(*self.features, self.collector.model.codes)

    def track_oracle_agreement(self, text):
        codes = self.collector.model.codes
        exact = reference.score_grams(*self.features, codes)
        assert (reference.hash_grams(*self.features) == hash_grams(*self.features)).all()
        return float(np.abs(score_grams(*self.features, codes) - exact).max())


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
