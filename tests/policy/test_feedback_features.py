from __future__ import annotations

from engrain.policy.feedback_features import features_of
from engrain.policy.feedback_text import PhraseTable

TABLE = PhraseTable(["positive\ten\tthank you", "negator\ten\tnot"])


def test_phrases_are_replaced_by_their_class_and_counted() -> None:
    found = features_of("Thank you, Thank you all", "", TABLE)
    assert found.words == "thank you , thank you all"
    assert found.classes == "\x01positive , \x01positive all"
    assert found.cues == {"positive": 2}
    assert "positive:2" in found.context.split(" ")


def test_the_relation_to_the_utterance_before_is_seen() -> None:
    alone = features_of("the second table", "", TABLE).context.split(" ")
    assert "before:none" in alone
    after = features_of("the second table", "which table do you mean?", TABLE).context.split(" ")
    assert {"before:asked:True", "shared:1", "share:2"} <= set(after)


def test_nothing_said_has_no_words() -> None:
    assert features_of("  ", "", TABLE).words == ""
