from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels.index import count_terms_of
from engrain.memory.lsa import (
    LsaEmbedder,
    add_neighbours,
    count_texts,
    learn_basis,
    right_singular_vectors,
    weigh,
)

TEXTS = [
    "the captain steered the ship over the ocean",
    "a ship crossed the ocean in a storm",
    "the boat met a storm on the ocean",
    "a captain and his boat",
    "bread and butter for breakfast",
    "toast with butter and jam",
    "breakfast of toast, jam and tea",
]


def dense(texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return tf-idf rows by the formula, over all terms of two or more texts."""
    counts = [dict(zip(*map(list, count_terms_of(text)), strict=True)) for text in texts]
    terms = sorted({t for c in counts for t in c if sum(t in d for d in counts) >= 2})
    tf = np.array([[c.get(t, 0.0) for t in terms] for c in counts])
    idf = 1 + np.log(len(texts) / (tf > 0).sum(axis=0))
    weights = np.where(tf > 0, (1 + np.log(np.maximum(tf, 1))) * idf, 0.0)
    unit: np.ndarray[tuple[int, int], np.dtype[np.float64]] = weights / np.linalg.norm(
        weights, axis=1, keepdims=True
    )
    return unit


def test_similarities_are_those_of_the_exact_svd() -> None:
    rows = LsaEmbedder(dim=3).fit(TEXTS).embed(TEXTS)
    u, s, _ = np.linalg.svd(dense(TEXTS), full_matrices=False)
    exact = u[:, :3] * s[:3]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    np.testing.assert_allclose(rows @ rows.T, exact @ exact.T, atol=1e-4)


def test_related_words_meet_though_they_never_occur_together() -> None:
    lsa = LsaEmbedder(dim=2).fit(TEXTS)
    ship, boat, jam = lsa.embed(["ship", "boat", "jam"])
    assert ship @ boat > 0.9 > 0.3 > abs(ship @ jam)


def test_texts_without_known_terms_and_no_texts() -> None:
    lsa = LsaEmbedder(dim=20).fit(TEXTS)
    assert not lsa.embed(["zeppelin", ""]).any()
    assert lsa.embed([]).shape == (0, 20)


def test_the_fit_depends_on_texts_and_seed_and_survives_as_state() -> None:
    first, again = LsaEmbedder(dim=3).fit(TEXTS), LsaEmbedder(dim=3)
    again.load(first.state())
    assert again.name == first.name != LsaEmbedder(dim=3).fit(TEXTS[:5]).name
    assert again.embed(TEXTS).tobytes() == first.embed(TEXTS).tobytes()
    with pytest.raises(SnapshotError, match="dim 4"):
        LsaEmbedder(dim=4).load(first.state())


def test_an_unfitted_embedder_says_so() -> None:
    with pytest.raises(ConfigError, match="fit"):
        LsaEmbedder().embed(["ship"])
    with pytest.raises(ConfigError, match="share a word"):
        LsaEmbedder().fit(["ship", "jam"])
    with pytest.raises(ConfigError, match="share a word"):
        LsaEmbedder().fit([])
    with pytest.raises(ConfigError, match="dim"):
        LsaEmbedder(dim=0)


def window_matrix(sequences: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return what each text counts in the window of each other."""
    found = np.eye(len(sequences))
    for own in set(sequences) - {-1}:
        line = [i for i, sequence in enumerate(sequences) if sequence == own]
        for steps, weight in ((1, 0.6), (2, 0.3)):
            for i, j in zip(line, line[steps:], strict=False):
                found[i, j] = found[j, i] = weight
    return found


@pytest.mark.parametrize("sequences", [[0, 0, 1, 0, -1, 1, 0], [-1] * 7, [3] * 7])
def test_neighbours_are_added_within_their_sequence(sequences: list[int]) -> None:
    rows = np.random.default_rng(1).standard_normal((7, 3)).astype(np.float32)
    found = add_neighbours(np.array(sequences), rows)
    np.testing.assert_allclose(found, window_matrix(sequences) @ rows, atol=1e-6)


def test_a_basis_over_windows_is_that_of_their_exact_svd() -> None:
    sequences = [0, 0, 0, -1, 1, 1, 1]
    basis = learn_basis(count_texts(TEXTS), 3, sequences=np.array(sequences))
    _, _, v = np.linalg.svd(window_matrix(sequences) @ dense(TEXTS), full_matrices=False)
    terms = sorted({t for text in TEXTS for t in count_terms_of(text)[0].tolist()})
    assert [t for t in terms if t in basis.terms] == basis.terms.tolist()
    found = basis.vectors.astype(float)
    np.testing.assert_allclose(found @ found.T, v[:3].T @ v[:3], atol=1e-4)


def test_singular_vectors_are_orthonormal() -> None:
    counts = count_texts(TEXTS)
    terms = np.unique(counts.ids)
    matrix = weigh(counts, terms, np.ones(len(terms), np.float32))
    basis = right_singular_vectors(matrix, 4, seed=1)
    np.testing.assert_allclose(basis.T @ basis, np.eye(4), atol=1e-5)
