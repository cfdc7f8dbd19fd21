from __future__ import annotations

from pathlib import Path

import pytest

from engrain.base.errors import ConfigError, SnapshotError
from engrain.policy.checkpoints import Checkpoints
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.nets import ModuleState
from engrain.policy.online_trainer import OnlineTrainer
from engrain.policy.replay_buffer import ReplayBuffer
from tests.policy.small import Nets, nets
from tests.policy.test_online_trainer import WIN, bare

pytestmark = pytest.mark.usefixtures("one_thread")


def parts_of(held: Nets, trainer: OnlineTrainer) -> dict[str, object]:
    return {**{name: getattr(held, name) for name in held._fields[:4]}, "online": trainer}


def test_a_restored_policy_goes_on_bit_for_bit(tmp_path: Path) -> None:
    first, second = nets(), nets(seed=9)
    trainer, other = OnlineTrainer(*first, update_every=1), OnlineTrainer(*second, update_every=1)
    for _ in range(5):
        bare(trainer)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(parts_of(first, trainer), 5)  # type: ignore[arg-type]
    assert checkpoints.load(parts_of(second, other)) == 5  # type: ignore[arg-type]
    entries = list(trainer.buffer.entries())
    trainer.buffer, other.buffer = ReplayBuffer(), ReplayBuffer()
    for entry in entries:
        trainer.buffer.add(entry)
        other.buffer.add(entry)
    assert trainer.step() == other.step()
    for one, two in zip(first[:4], second[:4], strict=True):
        old, new = ModuleState(one).state(), ModuleState(two).state()
        assert all(old[name].tobytes() == new[name].tobytes() for name in old)
    assert (trainer.ema_loss, trainer.total_updates) == (other.ema_loss, other.total_updates)


def test_the_last_five_restore_everything_together(tmp_path: Path) -> None:
    held, checkpoints = nets(), Checkpoints(tmp_path)
    trainer = OnlineTrainer(*held, update_every=1)
    kept = {}
    for step in range(1, 9):
        bare(trainer, WIN)
        checkpoints.save(parts_of(held, trainer), step)  # type: ignore[arg-type]
        kept[step] = [ModuleState(net).state() for net in held[:4]]
    assert checkpoints.steps() == [4, 5, 6, 7, 8]
    for step in checkpoints.steps():
        assert checkpoints.load(parts_of(held, trainer), step) == step  # type: ignore[arg-type]
        for net, state in zip(held[:4], kept[step], strict=True):
            now = ModuleState(net).state()
            assert all((now[name] == state[name]).all() for name in state)
        assert trainer.total_updates == step


def test_a_damaged_newest_gives_way_to_the_one_before(tmp_path: Path) -> None:
    gate, checkpoints = MemoryGate(8, 8), Checkpoints(tmp_path)
    for step in (1, 2):
        gate.difference.data.fill_(step)
        path = checkpoints.save({"gate": gate}, step)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    assert checkpoints.load({"gate": gate}) == 1
    assert bool((gate.difference.detach() == 1.0).all())
    with pytest.raises(SnapshotError, match="damaged"):
        checkpoints.load({"gate": gate}, 2)


def test_another_policy_is_refused_whole(tmp_path: Path) -> None:
    held, checkpoints = nets(), Checkpoints(tmp_path)
    with pytest.raises(SnapshotError, match="no checkpoint"):
        checkpoints.load({"gate": held.gate})
    checkpoints.save({"encoder": held.encoder, "gate": held.gate}, 1)
    with pytest.raises(SnapshotError, match="asked for"):
        checkpoints.load({"gate": held.gate})
    encoder, wider = nets(seed=4).encoder, MemoryGate(7, 7)
    before = ModuleState(encoder).state()
    with pytest.raises(SnapshotError, match="another MemoryGate"):
        checkpoints.load({"encoder": encoder, "gate": wider})
    after = ModuleState(encoder).state()
    assert all((after[name] == before[name]).all() for name in before)
    with pytest.raises(ConfigError, match="keep"):
        Checkpoints(tmp_path, keep=0)
    with pytest.raises(ConfigError, match="step"):
        checkpoints.save({"gate": held.gate}, -1)
