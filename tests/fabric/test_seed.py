"""The snippets of the neural fabric's specification run with nothing but package names replaced."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch

import engrain.fabric
from engrain.fabric import SpectralEncoder
from tests.fabric.small import DIMS, config
from tests.specification import snippets, specification

mpl.use("Agg")


def fabric_snippets(data: Path) -> list[str]:
    text = specification(data, "003_lillith_neural_fabric.md")
    return [
        re.sub(r"from (training|train_integration) import", "from engrain.fabric import", block)
        for block in snippets(text)
    ]


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def small_namespace() -> dict[str, Any]:
    """Give every name that the snippets use without defining it."""
    trainer = engrain.fabric.NeuralFabricTrainer(config(use_random_prop=True))
    image, sound = np.random.default_rng(0).random((2, 24, 24))
    raw = {"image": image, "audio": sound.ravel()}
    encoder = SpectralEncoder()
    tokens = encoder.encode(raw)
    data = engrain.fabric.create_synthetic_data(2, DIMS, 1, 6)
    for batch in data:
        trainer.train_step(batch)
    return {
        "trainer": trainer, "data": next(iter(data)), "i": 1, "j": 2, "k": 3,
        "goals": trainer.goals, "base_lr": 1e-3, "cafve_encoder": encoder,
        "raw_sensory_input": raw, "visual_data": tokens["visual_tokens"],
        "audio_data": tokens["audio_tokens"], "current_cognitive_state": np.ones(512),
        "current_emotion_state": np.ones(512), "emotion_vector": np.ones(512),
        "x": torch.randn(2, 1, *DIMS, 6), "target": torch.randn(2, 1, *DIMS, 6),
        "propagator": trainer.propagator, "fabric_output": trainer.neural_fabric.activation,
    }  # fmt: skip


@pytest.mark.slow
def test_snippets_run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = fabric_snippets(data)
    monkeypatch.chdir(tmp_path)
    names = small_namespace()
    small = [block for block in blocks if "trainer.train(data_loader" not in block]
    for block in small:
        exec(compile(block, "snippet", "exec"), names)  # noqa: S102
    assert len(small) == len(blocks) - 1
    assert names["config"].use_random_prop
    assert (tmp_path / "training_state.safetensors").exists()


@pytest.mark.slow
def test_the_full_size_snippet_trains_and_returns_when_interrupted(data: Path) -> None:
    block = next(b for b in fabric_snippets(data) if "trainer.train(data_loader" in b)
    call = "trainer.train(data_loader, epochs=10)"
    before, after = block.split(call)
    names: dict[str, Any] = {}
    exec(compile(before, "snippet", "exec"), names)  # noqa: S102
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 6.0, 3.0)
    try:
        exec(compile(call + after, "snippet", "exec"), names)  # noqa: S102
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert names["trainer"].epochs == 0
