"""The columns that read words beyond the question's terms, against their re-implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.index import StaticIndex, unit_rows
from engrain.memory.lsa import Counts, learn_basis
from tests.memory.collection import DIM, as_handles, forget, grow
from tests.memory.conversation import talk
from tests.memory.words import gauge, latent_cosines, rarity, word_columns
from tests.strategies import normal, seeds

QUESTION = "Which gliders had parties, and what wings lift theory?"
NAMES = ("x:porter", "x:char4", "x:bigram", "x:rm3", "x:diff", "x:lsa")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, n=st.integers(2, 130), removed=st.integers(0, 20))
def test_columns_agree_with_the_oracle_after_removals(seed: int, n: int, removed: int) -> None:
    index, told = grow(seed, n)
    for handle in np.random.default_rng(seed).permutation(n)[: min(removed, n - 2)].tolist():
        forget(index, told, handle)
    search = index.search(QUESTION, [unit_rows(normal(seed + 1, 1, DIM))[0]])
    block = search.gather(index.members(0))
    texts = [told.texts[handle] for handle in index.members(0).tolist()]
    for name, expected in word_columns(QUESTION, texts, block.static.astype(float)).items():
        scale = search.bm25_sd if name == "x:porter" else 1.0
        found = block.x[:, block.names.index(name)]
        np.testing.assert_allclose(found, expected / scale, atol=3e-3, err_msg=name)


def test_diffusion_follows_the_ten_best_by_their_margins() -> None:
    index, _ = grow(4, 60)
    search = index.search(QUESTION, [unit_rows(normal(9, 1, DIM))[0]])
    block = search.gather(index.members(0))
    static, centred = block.static.astype(float), block.centred.astype(float)
    best = np.argsort(-static, kind="stable")[:11]
    centroid = (static[best[:10]] - static[best[10]]) @ centred[best[:10]]
    cosine = centred @ (centroid / np.linalg.norm(centroid))
    asked = search.query[0]
    assert asked is not None
    deviation = (centred @ asked.astype(float)).std()
    found = block.x[:, block.names.index("x:diff")]
    np.testing.assert_allclose(found, cosine / deviation, atol=2e-3)


def test_latent_cosines_need_a_basis_and_place_later_memories_too() -> None:
    index, told = grow(7, 90)
    column = index.names.index("x:lsa")
    assert not index.search(QUESTION, [None]).gather(index.members(0)).x[:, column].any()
    basis = learn_basis(Counts(*index.stem_counts()), 8)
    index.learn_latent(basis.terms, basis.idf, basis.vectors)
    index.add(90, told.texts[3], [None])
    block = index.search(QUESTION, [None]).gather(index.members(0))
    texts = [*(told.texts[h] for h in range(90)), told.texts[3]]
    expected = gauge(
        latent_cosines(QUESTION, texts, basis), np.argsort(-block.static, kind="stable").tolist()
    )
    # Places take 8 bits a dimension: cosines are off by up to .01 deviations here.
    np.testing.assert_allclose(block.x[:, column], expected, atol=2e-2)
    assert block.x[90, column] == pytest.approx(block.x[3, column], abs=1e-5)


def test_rarity_is_that_of_the_three_rarest_stems_as_the_basis_knows_them() -> None:
    index, told = talk(7, 90)
    column = index.names.index("x:rare")
    assert not index.search(QUESTION, [None]).gather(index.members(0)).x[:, column].any()
    basis = learn_basis(Counts(*index.stem_counts()), 8)
    index.learn_latent(basis.terms, basis.idf, basis.vectors)
    index.remove(5)
    del told[5]
    index.add(90, "zeppelin", [None], 1)
    index.add(91, "", [None], 1)
    index.add(92, "zeppelin", [None])
    found = index.search(QUESTION, [None]).gather(index.members(0)).x[:, column]
    expected = [rarity(turn.text, basis) * (turn.sequence >= 0) for turn in told.values()]
    unknown = (basis.idf.max() + np.log(2)) / 3
    np.testing.assert_allclose(found, [*expected, unknown, 0, 0], rtol=1e-6)
    assert len(set(found.tolist())) > 10


def test_stems_are_counted_per_memory() -> None:
    index = StaticIndex()
    index.add(0, "wings wing", [])
    index.add(2, "drag", [])
    starts, terms, counts = index.stem_counts()
    np.testing.assert_array_equal(starts, [0, 1, 2])
    np.testing.assert_array_equal(counts, [2, 1])
    assert len(set(terms.tolist())) == 2


def test_nothing_asked_is_nothing_found() -> None:
    index, _ = grow(3, 30)
    block = index.search("", [None]).gather(index.members(0))
    for name in ("x:porter", "x:bigram", "x:diff"):
        assert not block.x[:, block.names.index(name)].any()
    assert np.isfinite(block.x).all()


@pytest.mark.parametrize("n", [40, 1200])
def test_columns_are_equal_bit_for_bit_at_every_level(n: int) -> None:
    prints = set()
    for level in LEVELS:
        set_simd_level(level)
        index, _ = grow(5, n)
        basis = learn_basis(Counts(*index.stem_counts()), 4)
        index.learn_latent(basis.terms, np.ones_like(basis.idf), np.ones_like(basis.vectors))
        block = index.search(QUESTION, [unit_rows(normal(1, 1, DIM))[0]]).gather(index.members(0))
        prints.add(block.x[:, [block.names.index(name) for name in NAMES]].tobytes())
    assert len(prints) == 1


NONE = as_handles([])


def test_a_dialogue_proposes_memories_with_good_neighbours() -> None:
    index, _ = talk(5, 400)
    scope = index.scope(as_handles(list(range(0, 400, 2))))
    for number in (0, scope):
        search = index.search(QUESTION, [None], number)
        best, proposed = search.candidates(20, NONE), search.candidates(20, NONE, 30)
        np.testing.assert_array_equal(best, np.sort(search.top(20)))
        assert set(best.tolist()) < set(proposed.tolist()) <= set(index.members(number).tolist())
        assert len(proposed) == 50
        rest = np.setdiff1d(index.members(number), proposed)
        window = index.names.index("x:winbm")
        inside, outside = (search.gather(h).x[:, window].mean() for h in (proposed, rest))
        assert inside > outside
    assert len(index.search(QUESTION, [None]).candidates(390, NONE, 30)) == 400
    with pytest.raises(ValueError, match="n and around"):
        index.search(QUESTION, [None]).candidates(-1, NONE)


def test_documents_propose_their_best_alone() -> None:
    index = StaticIndex()
    for handle in range(30):
        index.add(handle, f"wing {handle}", [])
    search = index.search("wing 3", [])
    np.testing.assert_array_equal(search.candidates(5, NONE, 20), np.sort(search.top(5)))
    assert StaticIndex().search("wing", []).candidates(5, NONE, 5).size == 0
