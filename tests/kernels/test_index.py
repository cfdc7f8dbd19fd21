from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.errors import NonFiniteError
from engrain.kernels import reference
from engrain.kernels.index import (
    RetrievalIndex,
    count_accesses,
    count_terms_of,
    stems_of,
    terms_of,
    unit_of,
)

TEXT = "The parties' boxes of 3 gliders; glass, buses & café — Жизнь 記憶 e-mail"


def test_terms_agree_with_their_oracle() -> None:
    assert list(terms_of(TEXT)) == reference.terms_of(TEXT)
    assert list(terms_of("Parties GLIDERS")) == list(terms_of("party glider"))
    assert terms_of("the of and").size == 0
    assert terms_of("\ud800 wing").size == 1


@settings(max_examples=200)
@given(text=st.text(alphabet="aesixz0 .'éñЖß—“😀記カ한", max_size=60))
def test_terms_of_any_text_agree_with_their_oracle(text: str) -> None:
    assert list(terms_of(text)) == reference.terms_of(text)


@given(text=st.text())
def test_any_text_has_terms(text: str) -> None:
    ids, counts = count_terms_of(text)
    assert counts.sum() == len(terms_of(text))
    assert (np.diff(ids.astype(np.int64)) > 0).all()


PORTER = [
    "caresses",
    "ponies",
    "ties",
    "cats",
    "feed",
    "agreed",
    "plastered",
    "bled",
    "motoring",
    "sing",
    "conflated",
    "troubled",
    "sized",
    "hopping",
    "tanned",
    "falling",
    "hissing",
    "fizzed",
    "failing",
    "filing",
    "happy",
    "sky",
    "relational",
    "conditional",
    "rational",
    "valenci",
    "digitizer",
    "radicalli",
    "vileli",
    "operator",
    "feudalism",
    "hopefulness",
    "formaliti",
    "triplicate",
    "formative",
    "electrical",
    "goodness",
    "revival",
    "allowance",
    "airliner",
    "adjustable",
    "irritant",
    "replacement",
    "adoption",
    "union",
    "homologou",
    "communism",
    "angulariti",
    "effective",
    "bowdlerize",
    "probate",
    "rate",
    "cease",
    "controll",
    "roll",
    "yyyy",
    "9s",
]


@pytest.mark.parametrize("word", PORTER)
def test_stems_agree_with_their_oracle(word: str) -> None:
    found = stems_of(f"{word} other {word}s")
    expected = reference.read_stems(f"{word} other {word}s")
    assert [terms.tolist() for terms in found] == list(expected)


def test_the_oracle_stems_as_porter_does() -> None:
    known = {"ponies": "poni", "plastered": "plaster", "hopping": "hop", "happy": "happi"}
    known |= {"relational": "relat", "conformabli": "conform", "adoption": "adopt", "cease": "ceas"}
    assert {word: reference.porter_stem(word) for word in known} == known


@settings(max_examples=200)
@given(text=st.text(alphabet="aeiyslnedtgz 'éЖ記", max_size=60))
def test_stems_of_any_text_agree_with_their_oracle(text: str) -> None:
    assert [terms.tolist() for terms in stems_of(text)] == list(reference.read_stems(text))


@settings(max_examples=30, deadline=None)
@given(words=st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=9), min_size=1, max_size=30))
def test_bm25_scores_agree_with_their_oracle(words: list[list[str]]) -> None:
    texts = [" ".join(f"word{w}" for w in line) for line in words]
    index = RetrievalIndex([])
    for handle, text in enumerate(texts):
        index.add(handle, text, [])
    search = index.search("worda wordb worda absent", [])
    block = search.gather(index.members(0))
    documents = [reference.terms_of(text) for text in texts]
    exact = reference.bm25_scores(reference.terms_of("worda wordb worda absent"), documents)
    np.testing.assert_allclose(block.x[:, 0], reference.standardize(exact), atol=1e-3)
    assert search.bm25_sd == pytest.approx(max(0.3, exact.std()), rel=1e-4)


def test_handles_may_leave_gaps_for_what_was_forgotten() -> None:
    index = RetrievalIndex([])
    index.add(3, "wing", [])
    index.add(7, "drag", [])
    assert list(index.members(0)) == [3, 7]
    assert (len(index), index.handles) == (2, 8)
    with pytest.raises(ValueError, match="not in this index"):
        index.remove(4)


def test_neighbours_close_ranks_over_a_removed_memory() -> None:
    index = RetrievalIndex([])
    for handle, text in enumerate(["wing", "drag", "lift", "flow"]):
        index.add(handle, text, [], 5)
    index.remove(1)
    block = index.search("wing", []).gather(index.members(0))
    previous = block.x[:, block.names.index("s:prev")]
    assert previous[1] == block.static[0] > 0
    index.remove(3)
    index.add(4, "tail", [], 5)
    block = index.search("lift", []).gather(index.members(0))
    assert block.x[2, block.names.index("s:prev")] == block.static[1]


def test_a_unit_vector_points_where_the_vector_does() -> None:
    vector = np.array([3, 0, -4], np.float32)
    found = unit_of(vector)
    assert found is not None
    np.testing.assert_array_equal(found, vector / np.float32(5))
    assert unit_of(np.zeros(3, np.float32)) is None
    with pytest.raises(TypeError, match="vector"):
        unit_of(vector.astype(np.float64))
    for bad in (np.nan, -np.inf):
        with pytest.raises(NonFiniteError, match="vector"):
            unit_of(np.array([1, bad], np.float32))
    huge = unit_of(np.full(4, 1e38, np.float32))
    assert huge is not None
    np.testing.assert_allclose(huge, 0.5, rtol=1e-6)


def test_accesses_are_counted_all_or_none() -> None:
    accesses, accessed = np.zeros(4, np.int64), np.zeros(4)
    count_accesses(accesses, accessed, np.array([1, 3]), 7.0)
    count_accesses(accesses, accessed, np.array([3]), 8.0)
    assert (accesses.tolist(), accessed.tolist()) == ([0, 1, 0, 2], [0.0, 7.0, 0.0, 8.0])
    with pytest.raises(ValueError, match="expected 0 to 3, got 4"):
        count_accesses(accesses, accessed, np.array([1, 4]), 9.0)
    assert accesses.tolist() == [0, 1, 0, 2]
