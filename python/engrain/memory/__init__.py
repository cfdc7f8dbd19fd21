"""The memory: index, lexical search, ranking, ledger and the public face."""

from __future__ import annotations

from engrain.memory.candidates import Candidates
from engrain.memory.explain import Explanation
from engrain.memory.lessons import Lesson
from engrain.memory.memory import Memory
from engrain.memory.recall import Hit, Recall
from engrain.memory.refit import RefitReport

__all__ = ["Candidates", "Explanation", "Hit", "Lesson", "Memory", "Recall", "RefitReport"]
