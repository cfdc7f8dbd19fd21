from __future__ import annotations

import threading

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.loops import BackgroundLearningConfig, SharedSONAState, SONAConfig
from engrain.loops.consolidation import move
from tests.strategies import normal

DIM = 24


def state() -> SharedSONAState:
    return SharedSONAState(SONAConfig(dim=DIM, models=3, hidden=4))


def teach(shared: SharedSONAState, seed: int) -> None:
    x, used, unused = normal(seed, 3, DIM)
    shared.teach(x, used[None], unused[None], advantage=0.5)


def test_untaught_queries_pass_bit_for_bit() -> None:
    x = normal(0, 5, DIM)
    np.testing.assert_array_equal(state().adapt(x), x)


def test_readers_see_the_backgrounds_weights_only_once_published() -> None:
    shared, x = state(), normal(0, 200, DIM)
    before = [shared.route(row) for row in x]
    rng = np.random.default_rng(0)
    shared.router.set_weights(rng.normal(0.0, 1.0, len(shared.router.get_weights())))
    shared.base.merge(x[:2], x[2:4])
    assert [shared.route(row) for row in x] == before
    np.testing.assert_array_equal(shared.adapt(x), x)
    shared.publish()
    assert [shared.route(row) for row in x] != before
    assert not np.array_equal(shared.adapt(x), x)


def test_a_reader_never_sees_half_a_consolidation() -> None:
    shared, x = state(), normal(0, 4, DIM)
    for seed in range(20):
        teach(shared, seed)
    wanted, seen, stop = shared.adapt(x), [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(np.abs(shared.adapt(x) - wanted).max())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        with shared.teaching:
            copy = shared.micro_copy()
            move(shared.base, copy, 0.5)
            shared.publish_adapters(copy)
    stop.set()
    reader.join()
    assert len(seen) > 30
    assert max(seen) < 1e-5 * np.abs(wanted).max()


def test_nothing_taught_during_consolidations_is_lost() -> None:
    shared, count = state(), 400

    def teach_all() -> None:
        for seed in range(count):
            teach(shared, seed)

    teacher = threading.Thread(target=teach_all)
    teacher.start()
    merged = 0
    while teacher.is_alive():
        with shared.teaching:
            copy = shared.micro_copy()
            merged += copy.updates
            move(shared.base, copy, 1.0)
            shared.publish_adapters(copy)
    assert merged + shared.micro.updates == count


def test_sizes_and_times_are_checked() -> None:
    for bad in ({"dim": 0}, {"base_rank": 65}, {"interval": 0.0}, {"schedule": "sometimes"}):
        with pytest.raises(ConfigError):
            SONAConfig(**bad)
    assert (
        SONAConfig(background=BackgroundLearningConfig(min_samples=3)).background.min_samples == 3
    )
