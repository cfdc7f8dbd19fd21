from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.errors import ConfigError
from engrain.kernels import Spikes, StdpRule, Synapses, poisson_spikes, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, seeds

FREE = StdpRule(w_min=-1e6, w_max=1e6)
RULES = [
    StdpRule(),
    StdpRule(pairing="nearest", tau_minus=34.0),
    StdpRule(mu=1.0, a_plus=0.05, a_minus=0.04),
    StdpRule(mu=0.4, a_plus=0.05, a_minus=0.04),
    StdpRule(a3_plus=0.01, a3_minus=0.002, tau_plus=16.8, tau_minus=33.7),
]
some_steps = st.lists(st.integers(0, 199), min_size=0, max_size=25, unique=True)


def train(times: npt.ArrayLike, steps: int = 200) -> Spikes:
    """Return the spikes of one neuron at these steps."""
    counts = np.bincount(np.asarray(times, dtype=np.int64), minlength=steps)
    return Spikes(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.zeros(counts.sum(), dtype=np.int32),
    )


def one_synapse(rule: StdpRule, pre: Spikes, post: Spikes, weight: float = 0.5) -> float:
    synapses = Synapses([0], [0], np.array([weight]), 1, 1)
    synapses.run(pre, post, rule)
    return float(synapses.weights[0])


@pytest.mark.parametrize("pairing", ["all_to_all", "nearest"])
@settings(max_examples=60)
@given(pre=some_steps, post=some_steps)
def test_a_synapse_equals_its_pair_sum(pairing: str, pre: list[int], post: list[int]) -> None:
    rule = dataclasses.replace(FREE, pairing=pairing, tau_minus=34.0)  # type: ignore[arg-type]
    change = one_synapse(rule, train(pre), train(post)) - 0.5
    assert change == pytest.approx(reference.sum_pairs(pre, post, rule), abs=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=range(len(RULES)))
@pytest.mark.parametrize("n", [n for n in EXTENTS if 0 < n < 100])
def test_dense_and_sparse_agree_with_the_oracle(simd: str, rule: StdpRule, n: int) -> None:
    pre, post = (poisson_spikes(n, 80, 60.0, seed=seed) for seed in (n, n + 1))
    start = np.random.default_rng(n).random((n, n))
    expected, traces = reference.run_stdp(start, pre, post, rule)
    rows, columns = np.divmod(np.arange(n * n), n)
    sparse = Synapses(rows, columns, start.ravel().copy(), n, n)
    sparse.run(pre, post, rule)
    np.testing.assert_allclose(sparse.weights.reshape(n, n), expected, atol=1e-12)
    np.testing.assert_allclose(sparse.x, traces[0], atol=1e-12)
    dense, x, x2 = start.copy(), np.zeros(n), np.zeros(n)
    y, y2 = np.zeros(n), np.zeros(n)
    for s in range(80):
        first = pre.ids[pre.start[s] : pre.start[s + 1]].astype(np.int64)
        second = post.ids[post.start[s] : post.start[s + 1]].astype(np.int64)
        kernels.step_stdp(dense, x, y, first, second, rule, x2, y2)
    np.testing.assert_allclose(dense, expected, atol=1e-12)
    single = Synapses(rows, columns, start.ravel().astype(np.float32), n, n)
    single.run(pre, post, rule)
    np.testing.assert_allclose(single.weights.reshape(n, n), expected, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_faded_traces_end_at_zero(simd: str, dtype: npt.DTypeLike) -> None:
    weights, none = np.full((17, 9), 0.5, dtype=dtype), np.zeros(0, dtype=np.int64)
    x, y = np.ones(17, dtype=dtype), np.ones(9, dtype=dtype)
    for _ in range(16_000):
        kernels.step_stdp(weights, x, y, none, none, StdpRule())
    assert not x.any()
    assert not y.any()
    assert (weights == 0.5).all()


def test_one_step_agrees_with_step_stdp_of_the_oracle() -> None:
    rng = np.random.default_rng(0)
    weights, x, y = rng.random((5, 6)), rng.random(5), rng.random(6)
    pre, post = np.array([1, 4]), np.array([0, 4, 5])
    zeros = (np.zeros(5), np.zeros(6))
    expected, traces = reference.step_stdp(weights, (x, y, *zeros), pre, post, StdpRule())
    kernels.step_stdp(weights, x, y, pre, post, StdpRule())
    for got, want in ((weights, expected), (x, traces[0]), (y, traces[1])):
        np.testing.assert_allclose(got, want, atol=1e-14)


def test_the_window_of_bi_and_poo() -> None:
    rule = dataclasses.replace(FREE, tau_plus=17.0, tau_minus=34.0)
    for delta in (1, 5, 17, 34):
        up = one_synapse(rule, train([100]), train([100 + delta])) - 0.5
        down = one_synapse(rule, train([100]), train([100 - delta])) - 0.5
        assert up == pytest.approx(rule.a_plus * np.exp(-delta / 17), abs=1e-12)
        assert down == pytest.approx(-rule.a_minus * np.exp(-delta / 34), abs=1e-12)
    assert one_synapse(rule, train([100]), train([100])) == 0.5


def test_potentiation_by_triplets_grows_with_frequency() -> None:
    rule = dataclasses.replace(FREE, a_plus=0.0, a_minus=0.0, a3_plus=0.0065)

    def change(hertz: int) -> float:
        gap = 1000 // hertz
        times = np.arange(0, 60 * gap, gap)
        steps = 60 * gap + 20
        return one_synapse(rule, train(times, steps), train(times + 10, steps)) - 0.5

    changes = [change(hertz) for hertz in (10, 20, 40, 50)]
    assert changes == sorted(changes)
    assert changes[-1] > 3 * changes[0] > 0


@settings(max_examples=40)
@given(pre=some_steps, post=some_steps, seed=seeds)
def test_dopamine_turns_tags_into_weight(pre: list[int], post: list[int], seed: int) -> None:
    dopamine = np.random.default_rng(seed).standard_normal(200)
    synapses = Synapses([0], [0], np.array([0.5]), 1, 1)
    first, second = train(pre), train(post)
    synapses.run(first.part(0, 90), second.part(0, 90), FREE, dopamine[:90], tau_tag=100.0)
    synapses.run(first.part(90, 200), second.part(90, 200), FREE, dopamine[90:], tau_tag=100.0)
    expected = reference.run_modulated_stdp(0.5, first, second, FREE, dopamine, 100.0)
    assert synapses.weights[0] == pytest.approx(expected, abs=1e-12)


def test_a_reward_after_seconds_finds_its_synapse() -> None:
    """Distal reward (Izhikevich 2007): the pairing is long over when dopamine comes."""
    synapses = Synapses([0, 1], [0, 0], np.array([0.5, 0.5]), 2, 1)
    before = np.arange(20_001)
    pre = Spikes((before > 10) * 1 + (before > 6000) * 1, np.array([0, 1], dtype=np.int32))
    post = Spikes((before > 15) * 1, np.zeros(1, dtype=np.int32))
    dopamine = np.zeros(20_000)
    dopamine[1500:2000] = 1.0
    synapses.run(pre, post, StdpRule(), dopamine, tau_tag=1000.0)
    assert synapses.weights[0] > 0.5 == synapses.weights[1]


def test_populations_beyond_sixteen_bits_are_partitioned() -> None:
    rng = np.random.default_rng(0)
    n, size = 70_000, 3000
    pre, post = rng.integers(0, n, (2, size))
    spikes = [poisson_spikes(n, 20, 100.0, seed=seed) for seed in (1, 2)]
    start = rng.random(size)
    synapses = Synapses(pre, post, start.copy(), n, n)
    for begin in (0, 10):
        synapses.run(spikes[0].part(begin, begin + 10), spikes[1].part(begin, begin + 10), FREE)
    for k in rng.integers(0, size, 200):
        first, second = (
            np.searchsorted(s.start, np.flatnonzero(s.ids == i), side="right") - 1
            for s, i in zip(spikes, (pre[k], post[k]), strict=True)
        )
        change = synapses.weights[k] - start[k]
        assert change == pytest.approx(reference.sum_pairs(first, second, FREE), abs=1e-12)


def test_poisson_spikes_have_the_rate_and_no_memory() -> None:
    spikes = poisson_spikes(1000, 2000, 10.0, seed=3)
    count = len(spikes.ids)
    assert abs(count - 20_000) < 5 * np.sqrt(20_000)
    assert spikes.start[-1] == count
    per_neuron = np.bincount(spikes.ids, minlength=1000)
    assert 0.8 < per_neuron.var() / per_neuron.mean() < 1.2
    per_step = np.diff(spikes.start)
    assert 0.8 < per_step.var() / per_step.mean() < 1.2
    again = poisson_spikes(1000, 2000, 10.0, seed=3)
    assert again.ids.tobytes() == spikes.ids.tobytes()
    assert len(poisson_spikes(0, 5, 10.0).ids) == len(poisson_spikes(9, 5, 0.0).ids) == 0


def test_stdp_is_equal_bit_for_bit_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        pre, post = (poisson_spikes(303, 100, 40.0, seed=seed) for seed in (1, 2))
        rng = np.random.default_rng(0)
        weights = rng.random(9000, dtype=np.float32)
        rows, columns = rng.integers(0, 303, (2, 9000))
        synapses = Synapses(rows, columns, weights, 303, 303)
        for rule in RULES:
            synapses.run(pre, post, rule)
        synapses.run(pre, post, RULES[0], rng.random(100))
        states.add(synapses.weights.tobytes())
    assert len(states) == 1


def test_stdp_refuses_what_it_cannot_use() -> None:
    weights, x, y = np.zeros((3, 4)), np.zeros(3), np.zeros(4)
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(TypeError):
        kernels.step_stdp(weights.astype(np.float32), x, y, none, none, StdpRule())
    with pytest.raises(TypeError):
        kernels.step_stdp(weights[:, ::2], x, y[:2], none, none, StdpRule())
    with pytest.raises(ValueError, match="weights"):
        kernels.step_stdp(weights, y, x, none, none, StdpRule())
    with pytest.raises(ValueError, match="pre"):
        kernels.step_stdp(weights, x, y, np.array([3]), none, StdpRule())
    with pytest.raises(ConfigError, match="x2"):
        kernels.step_stdp(weights, x, y, none, none, RULES[-1])
    with pytest.raises(ConfigError, match="neurons"):
        Synapses([3], [0], np.zeros(1), 3, 4)
    with pytest.raises(TypeError, match="float32"):
        Synapses([0], [0], np.zeros(1, dtype=np.int32), 3, 4)
    synapses = Synapses([0], [0], np.zeros(1), 3, 4)
    with pytest.raises(ConfigError, match="steps"):
        synapses.run(train([], 5), train([], 6), StdpRule())
    with pytest.raises(ValueError, match="start"):
        synapses.run(Spikes(np.array([0, 9]), train([]).ids), train([], 1), StdpRule())
    with pytest.raises(ConfigError, match="dopamine"):
        synapses.run(train([], 5), train([], 5), StdpRule(), np.full(5, np.nan))
    with pytest.raises(ConfigError, match="tau_plus"):
        StdpRule(tau_plus=0)
    with pytest.raises(ValueError, match="probability"):
        poisson_spikes(3, 3, 1000.0)
