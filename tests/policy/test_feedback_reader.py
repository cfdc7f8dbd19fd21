from __future__ import annotations

from pathlib import Path

import pytest

from engrain import Memory
from engrain.base.errors import ConfigError
from engrain.base.protocols import FeedbackReader
from engrain.policy.feedback_reader import UtteranceReader


def test_it_implements_the_protocol_and_abstains() -> None:
    reader = UtteranceReader()
    assert isinstance(reader, FeedbackReader)
    assert reader.read("okay").outcome is None
    assert reader.read("").confidence == 0.0
    praise, blame = reader.read("Perfect, thanks!"), reader.read("no, that's wrong")
    assert praise.outcome is not None
    assert blame.outcome is not None
    assert blame.outcome < 0.3 < 0.8 < praise.outcome
    assert set(praise.signals) == {"positive"}


def test_feedback_by_text_teaches_a_memory(tmp_path: Path) -> None:
    with Memory(tmp_path / "agent.db", components=["feedback"]) as memory:
        memory.remember("the deploy key lies in the vault", id="key")
        memory.remember("lunch is at noon", id="lunch")
        first = memory.recall("where is the deploy key?", k=1)
        memory.feedback(first, text="Thanks, that worked!")
        assert memory.get("key")["quality"] > 0.5
        second = memory.recall("where is the deploy key?", k=1)
        with pytest.raises(ConfigError, match="feedback"):  # it says nothing about the answer
            memory.feedback(second, text="My train leaves at nine")
        memory.feedback(second, text="no, that's wrong")
        assert memory.get("key")["quality"] < 0.95
