from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import I8Array
from engrain.kernels import reference


def signs(rows: int) -> I8Array:
    return np.random.default_rng(7).integers(-127, 128, (rows, 4)).astype(np.int8)


words = st.lists(st.text("ab'é謝😀?", min_size=1, max_size=7), max_size=9).map(" ".join)
classes = st.lists(st.sampled_from(["\x01positive", "a", "not", "謝"]), max_size=7).map(" ".join)


@settings(max_examples=150)
@given(words=words, classes=classes, context=words)
def test_hash_grams_agrees_with_its_oracle(words: str, classes: str, context: str) -> None:
    got = kernels.hash_grams(words, classes, context)
    assert got.tolist() == reference.hash_grams(words, classes, context).tolist()


@settings(max_examples=60)
@given(words=words, classes=classes, rows=st.sampled_from([1, 2, 64, 4096]))
def test_score_grams_agrees_with_its_oracle(words: str, classes: str, rows: int) -> None:
    codes = signs(rows)
    got = kernels.score_grams(words, classes, "last", codes)
    exact = reference.score_grams(words, classes, "last", codes)
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-9)


def test_the_order_of_words_and_families_matters() -> None:
    assert set(kernels.hash_grams("not good")) != set(kernels.hash_grams("good not"))
    tagged = set(kernels.hash_grams("", "\x01positive again"))
    assert len(tagged - set(kernels.hash_grams("", "positive again"))) == 4


def test_score_grams_refuses_what_it_cannot_index() -> None:
    with pytest.raises(ValueError, match="power of two"):
        kernels.score_grams("a", "", "", signs(3))
    with pytest.raises(ValueError, match="2 dimensions"):
        kernels.score_grams("a", "", "", signs(4)[0])
    with pytest.raises(TypeError):
        kernels.score_grams("a", "", "", signs(4).astype(np.float32))
