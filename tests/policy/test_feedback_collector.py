from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.policy.feedback_collector import FeedbackCollector
from engrain.policy.feedback_model import FeedbackModel

# What each probe should be read as; None where nothing may be concluded about the answer.
PROBES = {
    "no problem, thanks": "positive or nothing",
    "No, thanks!": "positive or nothing",
    "Nice try, but wrong": "negative",
    "thanks for nothing": "negative",
    "That is not correct": "negative",
    "That's incorrect": "negative",
    "it doesn't work": "negative",
    "still broken": "negative",
    "This fails with the same error": "negative",
    "Perfect storm of bugs here": "negative",
    "Actually, that's perfect": "positive",
    "What?": "confusion",
    "what about Redis?": "nothing",
    "not helpful": "negative",
    "I don't think that's right": "negative",
    "exactly the wrong answer": "negative",
    "got it wrong again": "negative",
    "Great job": "positive",
    "good": "positive",
    "works!": "positive",
    "You are right, sorry": "positive",
    "Actually I have another question": "nothing",
    "I said thanks": "positive",
    "merci beaucoup": "positive",
    "danke, passt": "positive",
}
TABLE = {
    "positive": (["Thanks!", "Perfect", "That's right", "👍"], 0.5, 1.0),
    "negative": (["That's wrong", "Not right", "👎"], -1.0, -0.5),
    "correction": (["No, I meant...", "Actually..."], -0.5, -0.2),
    "confusion": (["What?", "I don't understand", "Can you clarify?"], -0.3, -0.1),
}
BACKCHANNELS = ("okay", "ok.", "yeah", "uh-huh", "mhm", "right", "I see", "sure", "hm", "go on")


@pytest.fixture(scope="module")
def collector() -> FeedbackCollector:
    return FeedbackCollector()


def test_there_are_25_probes() -> None:
    assert len(PROBES) == 25


@pytest.mark.parametrize("text", PROBES)
def test_the_probes_are_read_right(collector: FeedbackCollector, text: str) -> None:
    allowed = PROBES[text].split(" or ")
    feedback = collector.extract(text)
    kinds = {signal.kind for signal in feedback.signals} if feedback.explicit else {"nothing"}
    assert len(kinds) == 1
    assert kinds <= set(allowed)
    if feedback.explicit:
        assert feedback.memory_was_relevant == (allowed[0] == "positive")


@pytest.mark.parametrize("kind", TABLE)
def test_phrases_of_the_table_give_their_kind_and_a_reward_in_its_range(
    collector: FeedbackCollector, kind: str
) -> None:
    phrases, low, high = TABLE[kind]
    for phrase in phrases:
        feedback = collector.extract(phrase)
        assert [signal.kind for signal in feedback.signals] == [kind], phrase
        assert low <= feedback.reward <= high, phrase


def test_the_table_here_is_the_one_of_the_specification(data: Path) -> None:
    source = data.parent / "seeds" / "002_cortexnet_training.md"
    if not source.is_file():
        pytest.skip("the specification is not here")
    rows = re.findall(r"^\| \*\*(\w+)\*\* \| (.*?) \|", source.read_text("utf-8"), re.MULTILINE)
    for name, examples in rows:
        phrases = re.findall(r'"([^"]+)"', examples)
        expected = TABLE.get(name.lower(), ([], 0, 0))[0]
        assert phrases == [phrase for phrase in expected if phrase not in "👍👎"]


def test_strength_and_reward_grow_with_the_number_of_phrases(collector: FeedbackCollector) -> None:
    texts = ("Thanks!", "Thanks, perfect!", "Thanks, perfect, exactly right!")
    found = [collector.extract(text).signals[0].strength for text in texts]
    assert found == sorted(set(found))
    assert found[-1] == 1.0
    emoji = [collector.extract("👎" * n).reward for n in (1, 2, 3)]
    assert emoji == sorted(set(emoji), reverse=True)


def test_signals_combine(collector: FeedbackCollector) -> None:
    feedback = collector.extract("Thanks, but can you clarify the second step?")
    by_kind = {signal.kind: signal for signal in feedback.signals}
    assert set(by_kind) == {"positive", "confusion"}
    assert by_kind["confusion"].reward < feedback.reward < by_kind["positive"].reward


def test_going_on_is_engagement_and_marks_no_memory(collector: FeedbackCollector) -> None:
    went_on = collector.extract("My train leaves at nine")
    assert went_on.reward == pytest.approx(0.1)
    switched = collector.extract("My train leaves at nine", topic_switched=True)
    assert switched.reward == pytest.approx(-0.1)
    for feedback in (went_on, switched):
        assert not feedback.explicit
        assert feedback.memory_was_relevant is None


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_silence_says_nothing(collector: FeedbackCollector, text: str) -> None:
    feedback = collector.extract(text)
    assert (feedback.signals, feedback.reward, feedback.memory_was_relevant) == ((), 0.0, None)


@pytest.mark.parametrize("text", BACKCHANNELS)
def test_backchannels_are_no_success(collector: FeedbackCollector, text: str) -> None:
    assert collector.extract(text).memory_was_relevant is None


NEGATED = [
    ("that is right", "that is not right"),
    ("it works", "it never works"),
    ("das ist richtig", "das ist nicht richtig"),
    ("es correcto", "no es correcto"),
    ("это верно", "это не верно"),
    ("works 👍", "doesn't work 👎"),
]


@pytest.mark.parametrize(("plain", "negated"), NEGATED)
def test_negation_turns_praise(collector: FeedbackCollector, plain: str, negated: str) -> None:
    assert collector.extract(plain).memory_was_relevant is True
    assert collector.extract(negated).memory_was_relevant is False


FOREIGN = {
    "positive": ("muchas gracias", "parfait, merci", "grazie mille", "спасибо", "谢谢", "完璧です"),
    "negative": ("eso está mal", "c'est faux", "non funziona", "не работает", "不对", "違います"),
    "confusion": ("no entiendo", "je ne comprends pas", "non capisco", "не понимаю", "不明白"),
    "correction": ("no, quería decir el martes", "ich meinte die andere", "我的意思是另一个"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_languages_are_read(collector: FeedbackCollector, kind: str) -> None:
    for text in FOREIGN[kind]:
        assert kind in {signal.kind for signal in collector.extract(text).signals}, text


@given(text=st.text(), previous=st.text(max_size=20))
def test_any_text_is_read_within_bounds(text: str, previous: str) -> None:
    feedback = FeedbackCollector().extract(text, previous=previous)
    assert -1.0 <= feedback.reward <= 1.0
    assert 0.0 <= feedback.confidence <= 1.0


def test_an_untrained_model_reads_by_the_table_alone() -> None:
    collector = FeedbackCollector(FeedbackModel())
    assert collector.extract("Perfect").reward == pytest.approx(0.7)
    assert collector.extract("That's wrong").reward == pytest.approx(-0.7)


def test_bad_input_is_refused(collector: FeedbackCollector) -> None:
    with pytest.raises(TypeError, match="user_response"):
        collector.extract(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="threshold"):
        FeedbackCollector(threshold=1.0)
