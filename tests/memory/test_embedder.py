from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.base.protocols import Embedder
from engrain.kernels import reference
from engrain.kernels.index import hash_texts
from engrain.memory.embedder import (
    CallableEmbedder,
    HashedEmbedder,
    LsaEmbedder,
    SentenceTransformerEmbedder,
    WordLlamaEmbedder,
    as_embedder,
)

TEXTS = ["The gliders fly", "a glider flying", "café Жизнь 記憶 a", "", "of the", "42 wings, 42"]


def test_hashed_vectors_agree_with_their_oracle() -> None:
    rows = hash_texts(TEXTS, 64)
    for text, row in zip(TEXTS, rows, strict=True):
        np.testing.assert_allclose(row, reference.hash_text(text, 64), atol=1e-5)


def test_hashed_vectors_are_unit_and_near_for_words_of_one_form() -> None:
    embedder = HashedEmbedder()
    rows = embedder.embed(TEXTS)
    assert rows.shape == (len(TEXTS), embedder.dim)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 0, 0, 1], atol=1e-6)
    near, far = rows[0] @ rows[1], rows[0] @ rows[5]
    assert near > 0.3 > abs(far)


def test_wordllama_knows_meanings_without_network() -> None:
    pytest.importorskip("wordllama")
    rows = WordLlamaEmbedder().embed(["a small dog", "a tiny puppy", "tax law of 1986"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


def count_letters(texts: list[str]) -> Any:
    return [[len(text), text.count("a") + 1.0] for text in texts]


def test_callables_are_wrapped_and_checked() -> None:
    embedder = CallableEmbedder(count_letters)
    assert (embedder.name, embedder.dim) == ("count_letters", 2)
    np.testing.assert_allclose(embedder.embed(["abc"]), [[3 / 13**0.5, 2 / 13**0.5]], rtol=1e-6)
    with pytest.raises(ShapeError, match=r"expected shape \(1, 3\)"):
        CallableEmbedder(count_letters, dim=3).embed(["x"])
    with pytest.raises(NonFiniteError):
        CallableEmbedder(lambda texts: [[np.nan]] * len(texts), dim=1).embed(["x"])


class Encoder:
    """The two methods of a loaded sentence-transformers model that the adapter calls."""

    def get_sentence_embedding_dimension(self) -> int:
        return 2

    def encode(self, texts: Sequence[str], show_progress_bar: bool) -> Any:
        assert not show_progress_bar
        return np.array(count_letters(list(texts)))


def test_loaded_sentence_transformers_are_adapted() -> None:
    embedder = SentenceTransformerEmbedder(Encoder(), name="letters")
    assert (embedder.name, embedder.dim) == ("letters", 2)
    np.testing.assert_allclose(np.linalg.norm(embedder.embed(["a", "bb"]), axis=1), 1, rtol=1e-6)


def test_as_embedder_accepts_names_objects_and_functions() -> None:
    assert isinstance(as_embedder(None), HashedEmbedder)
    assert isinstance(as_embedder("hashed"), HashedEmbedder)
    assert isinstance(as_embedder("lsa"), LsaEmbedder)
    assert as_embedder(HashedEmbedder(64).name).dim == 64
    own = HashedEmbedder(64)
    assert as_embedder(own) is own
    assert isinstance(as_embedder(count_letters), CallableEmbedder)
    for embedder in (own, LsaEmbedder(), as_embedder(count_letters)):
        assert isinstance(embedder, Embedder)
    with pytest.raises(ConfigError, match="known: hashed, lsa, wordllama"):
        as_embedder("hashd")
    with pytest.raises(TypeError, match="embedder"):
        as_embedder(3)
    with pytest.raises(ConfigError, match="dim"):
        HashedEmbedder(0)
