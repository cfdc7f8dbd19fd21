from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.learning.neuro_symbolic import Triple, TripleStore

names = st.sampled_from("abcd")
operations = st.lists(st.tuples(st.booleans(), names, names, names), max_size=60)


@given(operations=operations)
def test_every_pattern_finds_what_a_scan_finds(
    operations: list[tuple[bool, str, str, str]],
) -> None:
    store, held = TripleStore(), set()
    for add, s, p, o in operations:
        if add:
            store.add(Triple(s, p, o))
            held.add((s, p, o))
        else:
            assert store.discard(s, p, o) == ((s, p, o) in held)
            held.discard((s, p, o))
    for pattern in product([None, "a"], [None, "b"], [None, "c"]):
        parts = [*zip(pattern, range(3), strict=True)]
        wanted = {t for t in held if all(part in (None, t[i]) for part, i in parts)}
        found = [t.key for t in store.match(*pattern)]
        assert set(found) == wanted
        assert len(found) == len(wanted)


def test_a_triple_seen_again_takes_the_mean_of_its_weights() -> None:
    store = TripleStore()
    for weight in (0.2, 0.4, 0.9):
        store.add(Triple("a", "b", "c", weight))
    assert store.weight("a", "b", "c") == pytest.approx(0.5)
    assert len(store) == 1


def test_the_oldest_triple_makes_room() -> None:
    store = TripleStore(max_triples=2)
    for name in "xyz":
        store.add(Triple(name, "p", "o"))
    assert [t.subject for t in store] == ["y", "z"]


def test_a_weight_outside_its_range_is_refused() -> None:
    for weight in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="weight"):
            Triple("a", "b", "c", weight)
