from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engrain.base.errors import ConfigError
from engrain.fabric.data import load_volumes, standardise, windows
from engrain.fabric.skill import skill_over_persistence
from tests.fabric.small import motion, trainer


def test_training_beats_persistence_on_unseen_motion() -> None:
    t = trainer(learning_rate=1e-2)
    held_out = motion(6, seed=99)
    before = skill_over_persistence(t, held_out)
    t.train(motion(30), epochs=4, progress=False)
    after = skill_over_persistence(t, held_out)
    assert after.low > 0
    assert after.value > before.value
    assert after.low < after.value < after.high


def test_persistence_itself_has_no_skill() -> None:
    t = trainer()
    with torch.no_grad():
        for parameter in t.network.layers[-1].parameters():
            parameter.zero_()
    skill = skill_over_persistence(t, motion(2))
    assert skill.value == pytest.approx(0, abs=1e-6)
    with pytest.raises(ConfigError):
        skill_over_persistence(t, [])


def test_real_volumes_are_learned_without_harm(data: Path) -> None:
    volumes = standardise(load_volumes(data / "fourd_dev" / "fmri_functional_17x21x3x20.npz"))
    t = trainer(spatial_dims=(17, 21, 3), time_steps=8, learning_rate=3e-3)
    past = windows(volumes[..., :14], 8)
    for _ in range(20):
        t.train_step(past)
    skill = skill_over_persistence(t, [windows(volumes[..., 12:], 8)])
    assert skill.value > -0.2
