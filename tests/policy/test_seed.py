"""The specification's own snippets, run as they stand, and every name that it promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engrain.policy.confidence_estimator import ConfidenceEstimator
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.replay_buffer import ReplayBuffer
from engrain.policy.situation_encoder import SituationEncoder
from engrain.policy.strategy_selector import StrategyRegistry, StrategySelector
from tests.specification import missing_names, promised_names, snippets, specification
from tests.strategies import normal

SPECIFICATION = "002_cortexnet_training.md"


@pytest.mark.usefixtures("one_thread")
def test_the_snippets_run_as_they_stand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = snippets(specification(data, SPECIFICATION))
    encoder = SituationEncoder()
    names: dict[str, Any] = {
        "encoder": encoder,
        "gate": MemoryGate(),
        "selector": StrategySelector(),
        "estimator": ConfidenceEstimator(),
        "registry": StrategyRegistry(),
        "memory_embeddings": normal(0, 10, 384),
        "replay_buffer": ReplayBuffer(),
        "situation": encoder.encode_situation(encoder.encode("How do I deploy?")),
    }
    runnable = [block for block in blocks if not block.startswith("ReplayEntry:")]
    for number, block in enumerate(runnable):
        source = block.replace("cortex_net.", "engrain.policy.")
        source = source.replace("\n    ...\n", "\n")  # "and so on" among the samples
        exec(compile(source, f"snippet {number}", "exec"), names)  # noqa: S102
    assert len(runnable) == len(blocks) - 1 == 3
    printed = capsys.readouterr().out.splitlines()
    expected = [line[2:] for line in blocks[0].splitlines() if line.startswith("# Joint")]
    assert printed[0] == expected[0]
    assert names["metrics"].history[-1]["total"] < 0.1 * names["metrics"].history[0]["total"]
    assert [signal.kind for signal in names["outcome"].signals] == ["positive"]
    assert len(names["replay_buffer"]) == 1
    assert names["online"].ema_loss == 0.0


def test_the_six_fields_of_an_entry_are_those_of_the_specification(data: Path) -> None:
    from engrain.policy.replay_buffer import ReplayEntry

    text = specification(data, SPECIFICATION)
    block = re.search(r"```python\nReplayEntry:\n(.*?)```", text, re.DOTALL)
    assert block is not None
    fields = re.findall(r"^ +(\w+) +#", block[1], re.MULTILINE)
    entry = ReplayEntry(np.ones(3), [0], [0.5], "a", 0.5, 0.1)
    assert len(fields) == 6
    assert all(hasattr(entry, field) for field in fields)


def test_every_promised_name_has_its_home(data: Path) -> None:
    rows = promised_names(data, "002")
    assert len(rows) == 12
    instances = {"OnlineTrainer": _trainer(), "TrainingSample": _sample()}
    assert missing_names(rows, instances) == []


def _trainer() -> Any:
    from engrain.policy.online_trainer import OnlineTrainer

    return OnlineTrainer(
        SituationEncoder(8, 8, 8), MemoryGate(8, 8), StrategySelector(8), ConfidenceEstimator(8)
    )


def _sample() -> Any:
    from engrain.policy.joint_trainer import TrainingSample

    return TrainingSample(normal(0, 8), normal(1, 8))
