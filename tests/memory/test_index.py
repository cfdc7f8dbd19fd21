from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError, ShapeError, SnapshotError
from engrain.kernels.index import Search
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.index import StaticIndex, unit_rows
from tests.memory.collection import DIM, Collection, as_handles, forget, grow
from tests.memory.retrieval_set import ndcg10
from tests.strategies import normal, seeds

QUERY = "the wing theory of memories, wing Café"


def queries(seed: int, n: int, dim: int = DIM) -> F32Array:
    return unit_rows(normal(seed + 99, n, dim) + 0.3)


def check_rows(index: StaticIndex, told: Collection, scope: int, asked: F32Array) -> None:
    """Compare every column of every member of the scope with the oracle."""
    members = index.members(scope)
    search = index.search(QUERY, [asked[-1]], scope)
    block = search.gather(members)
    expected = told.rows(QUERY, asked, list(members))
    np.testing.assert_allclose(block.static, expected["static"], atol=2e-3)
    for name, values in expected.items():
        if name not in ("static", "s:rank", "s:prf", "s:prev", "s:next"):
            np.testing.assert_allclose(
                block.x[:, block.names.index(name)], values, atol=2e-3, err_msg=name
            )
    if np.diff(np.sort(expected["static"])).min(initial=1.0) > 1e-3:  # no ties to break
        for name in ("s:rank", "s:prf", "s:prev", "s:next"):
            np.testing.assert_allclose(
                block.x[:, block.names.index(name)], expected[name], atol=4e-3, err_msg=name
            )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=seeds, n=st.integers(2, 60), removed=st.integers(0, 10), asked=st.integers(1, 4))
def test_rows_agree_with_the_oracle_after_removals_moves_and_queries(
    seed: int, n: int, removed: int, asked: int
) -> None:
    index, told = grow(seed, n)
    rng = np.random.default_rng(seed)
    scope = index.scope(as_handles(rng.choice(n, max(2, n // 2), replace=False).tolist()))
    for handle in rng.permutation(n)[: min(removed, n // 3)]:
        forget(index, told, int(handle))
    handle = next(iter(told.texts))
    told.vectors[handle] = unit_rows(normal(seed + 5, 1, DIM))[0]
    index.move(handle, 0, told.vectors[handle])
    past = queries(seed, asked)
    for number in (0, scope):
        if len(index.members(number)) < 2:
            continue
        for query in past[:-1]:
            index.observe(index.search("", [query], number))
        check_rows(index, told, number, past)


def test_the_int8_scan_agrees_with_the_oracle() -> None:
    index, told = grow(7, 1500)
    search = index.search(QUERY, [queries(7, 1)[0]], 0)
    block = search.gather(index.members(0))
    expected = told.rows(QUERY, queries(7, 1), list(index.members(0)))
    np.testing.assert_allclose(block.x[:, 0], expected["s:bm25"], atol=1e-3)
    np.testing.assert_allclose(block.x[:, 1], expected["s:cos"], atol=1e-2)
    best = np.argsort(-expected["static"], kind="stable")[:100]
    assert len(set(search.top(100)) & set(best)) >= 98
    assert list(search.top(3)) == list(best[:3])


def test_a_small_scope_of_a_large_index_agrees_with_the_oracle() -> None:
    index, told = grow(13, 400)
    scope = index.scope(as_handles([17, 90, 333]))
    check_rows(index, told, scope, queries(13, 1))


def fingerprint(search: Search, members: int) -> bytes:
    block = search.gather(search.top(members))
    parts = (block.handles, block.x, block.static, block.centred, block.tf, block.length)
    return b"".join(part.tobytes() for part in parts)


@pytest.mark.parametrize("n", [30, 1200])
def test_results_are_equal_bit_for_bit_at_every_level(n: int) -> None:
    prints = set()
    for level in LEVELS:
        set_simd_level(level)
        index, _ = grow(11, n, dim=77)
        prints.add(fingerprint(index.search(QUERY, [queries(1, 1, 77)[0]], 0), 140))
    assert len(prints) == 1


@pytest.mark.parametrize("n", [30, 1200])
def test_a_rebuilt_index_ranks_identically(n: int) -> None:
    live, told = grow(3, n)
    scope = live.scope(as_handles(range(0, n, 2)))
    for handle in range(5, n, 7):
        forget(live, told, handle)
    moved = unit_rows(normal(8, 1, DIM))[0]
    live.move(8, 0, moved)
    for query in queries(3, 9):
        live.observe(live.search(QUERY, [query], scope))

    again = StaticIndex([DIM])
    for handle in sorted(told.texts):
        vector = live.base_vector(handle)
        again.add(handle, told.texts[handle], [vector], told.sequences[handle])
    again.move(8, 0, moved)
    again.load(live.state())
    assert again.scope(live.members(scope)) == scope

    for number in (0, scope):
        query = queries(4, 1)[0]
        assert fingerprint(live.search(QUERY, [query], number), 140) == fingerprint(
            again.search(QUERY, [query], number), 140
        )
    again.load(live.state())
    assert again.state()["sum_0"].tobytes() == live.state()["sum_0"].tobytes()


def test_a_moved_vector_is_visible_to_the_next_query_and_its_base_is_kept() -> None:
    index, told = grow(5, 50)
    target = queries(5, 1)[0]
    index.move(20, 0, target)
    assert index.search("", [target], 0).top(1)[0] == 20
    np.testing.assert_array_equal(index.vector(20), target)
    np.testing.assert_array_equal(index.base_vector(20), told.vectors[20])


def test_text_alone_and_vector_alone() -> None:
    index, _ = grow(6, 40)
    lexical = index.search(QUERY, [None], 0).gather(index.members(0))
    assert not lexical.x[:, 1].any()
    np.testing.assert_array_equal(lexical.static, lexical.x[:, 0])
    vector = index.search("", [queries(6, 1)[0]], 0).gather(index.members(0))
    assert not vector.x[:, 0].any()
    np.testing.assert_array_equal(vector.static, vector.x[:, 1])
    assert vector.tf.shape == (40, 0)


def test_an_index_without_views_is_lexical() -> None:
    index = StaticIndex()
    for handle, text in enumerate(["wing theory", "drag", "", "wing wing"]):
        index.add(handle, text, [])
    search = index.search("wing", [], 0)
    assert list(search.top(2)) == [3, 0]
    assert search.query == ()
    block = search.gather(search.top(4))
    assert block.centred.shape == (4, 0)
    assert not block.x[:, block.names.index("s:cos")].any()


def test_memories_without_a_vector_stand_at_the_mean() -> None:
    index, _ = grow(6, 40)
    index.add(40, "wing", [None])
    block = index.search("", [queries(6, 1)[0]], 0).gather(index.members(0))
    assert block.x[40, 1] == 0.0
    assert block.x[:40, 1].std() > 0.5
    assert not block.centred[40].any()


def test_ties_are_broken_by_insertion() -> None:
    index = StaticIndex()
    for handle in range(300):
        index.add(handle, "wing" if handle % 3 == 0 else "drag", [])
    assert list(index.search("wing", [], 0).top(100)) == list(range(0, 300, 3))
    assert list(index.search("absent", [], 0).top(4)) == [0, 1, 2, 3]


def test_query_terms_keep_counts_and_idf() -> None:
    index, _ = grow(2, 30)
    search = index.search("wing unheard wing", [None], 0)
    assert sorted(search.counts) == [1.0, 2.0]
    np.testing.assert_array_equal(search.idf, index.idf(search.terms))
    assert search.idf.max() == pytest.approx(np.log1p(30.5 / 0.5))
    assert search.bm25_sd >= 0.3


def test_replaced_views_are_searched_and_forget_their_queries() -> None:
    index, told = grow(9, 60)
    index.observe(index.search("", [queries(9, 1)[0]], 0))
    vectors = unit_rows(normal(10, 60, 16))
    index.replace_view(0, vectors)
    told.vectors = dict(enumerate(vectors))
    assert index.dims == (16,)
    assert not index.state()["counts"].any()
    check_rows(index, told, 0, queries(9, 1, 16))


def unnamed_files(folder: Path) -> list[Path]:
    """Return the open files that once lay in `folder` and have no name."""
    held = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            name = str(link.readlink())
            if name.startswith(str(folder)) and name.endswith("(deleted)"):
                held.append(link)
    return held


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="the system has no files without a name")
def test_many_vectors_stand_in_a_file_without_a_name_and_are_overwritten_when_removed(
    tmp_path: Path,
) -> None:
    wide, count = 65_536, 262  # more than 64 MiB
    vectors = unit_rows(normal(5, count, wide))
    mapped, held = StaticIndex((wide,), tmp_path), StaticIndex((wide,))
    for index in (mapped, held):
        for handle, vector in enumerate(vectors):
            index.add(handle, f"text {handle}", [vector])
        index.move(3, 0, vectors[4])
        index.remove(7)
    (file,) = unnamed_files(tmp_path)
    assert list(tmp_path.iterdir()) == []
    stored = file.read_bytes()
    assert vectors[261].tobytes() in stored
    assert vectors[7].tobytes() not in stored
    for handle in (0, 3, 256, 261):
        np.testing.assert_array_equal(mapped.vector(handle), held.vector(handle))
    rows, expected = (
        index.search("text", [vectors[256]], 0).gather(index.members(0)) for index in (mapped, held)
    )
    np.testing.assert_array_equal(rows.x, expected.x)
    mapped.replace_view(0, unit_rows(vectors[:, :64]))
    assert unnamed_files(tmp_path) == []


def test_several_views_are_columns_of_their_own() -> None:
    index = StaticIndex([8, 12])
    first, second = unit_rows(normal(1, 50, 8)), unit_rows(normal(2, 50, 12))
    for handle in range(50):
        index.add(handle, "wing", [first[handle], second[handle]])
    search = index.search("", [None, second[7]], 0)
    assert search.query[0] is None
    block = search.gather(index.members(0))
    assert block.names[:4] == ("s:bm25", "s:cos", "s:cos2", "s:prf")
    assert block.x[:, 2].argmax() == 7
    assert not block.static.any()


def test_a_search_is_refused_once_its_scope_has_changed() -> None:
    index, _ = grow(1, 20)
    search = index.search(QUERY, [queries(1, 1)[0]], 0)
    index.remove(3)
    with pytest.raises(RuntimeError, match="search again"):
        search.top(5)
    with pytest.raises(RuntimeError, match="search again"):
        search.gather(as_handles([1]))


def test_empty_scopes_and_texts() -> None:
    index = StaticIndex([4])
    query = unit_rows(normal(1, 1, 4))[0]
    assert index.search("wing", [query], 0).top(5).size == 0
    assert index.search("wing", [query], 0).gather(as_handles([])).x.shape == (0, 31)
    index.add(0, "", [query])
    block = index.search("", [query], 0).gather(as_handles([0]))
    assert np.isfinite(block.x).all()
    assert not block.static.any()


def test_bad_input_is_refused_before_anything_changes() -> None:
    index, _ = grow(1, 20)
    good = queries(1, 1)[0]
    broken = good.copy()
    broken[3] = np.nan
    for vector, error in (
        (broken, NonFiniteError),
        (good[:7], ShapeError),
        (good.astype(np.float64), TypeError),
        (good * 2, ValueError),
        (list(good), TypeError),
    ):
        with pytest.raises(error):
            index.add(20, "wing", [vector])  # type: ignore[list-item]
        with pytest.raises(error):
            index.search("wing", [vector])  # type: ignore[list-item]
    with pytest.raises(ShapeError, match="one per view"):
        index.search("wing", [])
    with pytest.raises(ValueError, match="ascend"):
        index.add(19, "wing", [good])
    with pytest.raises(ValueError, match="not in this index"):
        index.remove(20)
    with pytest.raises(ValueError, match="scope"):
        index.search("wing", [good], 4)
    with pytest.raises(TypeError, match="text"):
        index.add(20, b"wing", [good])  # type: ignore[arg-type]
    half = index.scope(as_handles([1, 2]))
    with pytest.raises(ValueError, match="not in scope"):
        index.search("wing", [good], half).gather(as_handles([1, 5]))
    with pytest.raises(SnapshotError):
        index.load(StaticIndex([3]).state())
    assert (len(index), index.handles) == (20, 20)


def test_scopes_grow_by_extension_and_can_be_cleared() -> None:
    index, _ = grow(1, 20)
    scope = index.scope(as_handles([9, 4]))
    index.extend(scope, 7)
    index.extend(scope, 7)
    assert list(index.members(scope)) == [4, 7, 9]
    index.clear(scope)
    assert index.members(scope).size == 0
    with pytest.raises(ValueError, match="all memories"):
        index.clear(0)


STATIC = {
    "mem_locomo_dev": 0.4854,
    "ret_cranfield": 0.4281,
    "ret_cisi": 0.4627,
    "ret_xquad_en": 0.9789,
    "ret_nfcorpus": 0.3540,
}


@pytest.mark.parametrize("name", STATIC)
def test_static_ranking_of_real_questions(data: Path, name: str) -> None:
    assert ndcg10(data / name) == pytest.approx(STATIC[name], abs=0.002)


def test_threads_may_search_while_memories_arrive() -> None:
    index, told = grow(21, 300)
    query, failed = queries(21, 1)[0], []

    def search() -> None:
        try:
            for _ in range(200):
                best = index.search(QUERY, [query]).top
                with contextlib.suppress(RuntimeError):  # a memory arrived in between
                    assert len(best(10)) == 10
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for handle in range(300, 500):
        index.add(handle, QUERY, [told.vectors[handle % 300]])
    for thread in threads:
        thread.join()
    assert not failed
    assert len(index) == 500


def test_candidates_are_the_best_and_others_ascending_with_room_in_their_rows() -> None:
    index, _ = grow(5, 50)
    search = index.search(QUERY, [queries(5, 1)[0]], 0)
    others = index.members(0)[[3, 30, 4]]
    found = search.candidates(10, others)
    np.testing.assert_array_equal(found, np.union1d(search.top(10), others))
    wide, block = search.gather(found, len(index.names) + 3), search.gather(found)
    np.testing.assert_array_equal(wide.x[:, :-3], block.x)
    assert not wide.x[:, -3:].any()
    with pytest.raises(ValueError, match="columns"):
        search.gather(found, 3)
