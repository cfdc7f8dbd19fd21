"""Embedders: texts to unit vectors, from none-to-download to any model the user has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.base.protocols import Embedder
from engrain.kernels.index import hash_texts
from engrain.memory.index import unit_rows
from engrain.memory.lsa import LsaEmbedder

__all__ = [
    "CallableEmbedder",
    "HashedEmbedder",
    "LsaEmbedder",
    "SentenceTransformerEmbedder",
    "WordLlamaEmbedder",
    "as_embedder",
]


class HashedEmbedder:
    """Signed hashes of character 4- and 5-grams: no model, no corpus, no download.

    Finds words by their form (plurals, compounds, typing errors), not by their meaning; the same
    text has the same vector on every machine.

    Parameters
    ----------
    dim : int
        Number of buckets.
    """

    def __init__(self, dim: int = 512) -> None:
        if dim < 1:
            raise ConfigError(f"dim: expected at least 1, got {dim}")
        self.name, self.dim = f"hashed-{dim}", dim

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors, shape (len(texts), dim); zero for a text without words."""
        return unit_rows(hash_texts(texts, self.dim))


class WordLlamaEmbedder:
    """Averaged static token vectors of wordllama, whose weights lie in its wheel.

    Needs the extra ``engrain[static]``; loads without network.
    """

    def __init__(self) -> None:
        try:
            import wordllama
        except ImportError as error:
            raise ConfigError(
                "the embedder 'wordllama' needs: pip install 'engrain[static]'"
            ) from error
        folder = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
        self.dim = int(self._model.embedding.shape[1])
        self.name = f"wordllama-{self.dim}"

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors, shape (len(texts), dim)."""
        return unit_rows(self._model.embed(list(texts)))


class SentenceTransformerEmbedder:
    """A sentence-transformers model; the package is imported here and nowhere else.

    Parameters
    ----------
    model : str or SentenceTransformer
        A name or folder, or a loaded model.
    name : str, optional
        Identifies the space; default: `model` where it is a str.
    """

    def __init__(
        self, model: Any = "sentence-transformers/all-MiniLM-L6-v2", name: str | None = None
    ) -> None:
        self.name = name or (model if isinstance(model, str) else "sentence-transformer")
        if isinstance(model, str):
            model = _load_sentence_transformer(model)
        self._model = model
        self.dim = int(model.get_sentence_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors, shape (len(texts), dim)."""
        return checked(
            self._model.encode(list(texts), show_progress_bar=False), len(texts), self.dim
        )


def _load_sentence_transformer(model: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(
            f"the embedder {model!r} needs: pip install sentence-transformers"
        ) from error
    return SentenceTransformer(model)


class CallableEmbedder:
    """Any function from a list of texts to an array of vectors.

    Parameters
    ----------
    function : callable
        Takes a list of str, returns array_like of shape (n, dim).
    name : str, optional
        Identifies the space; default: the function's qualified name.
    dim : int, optional
        Default: found by embedding one text.
    """

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        name: str | None = None,
        dim: int | None = None,
    ) -> None:
        self.function = function
        self.name = name or str(getattr(function, "__qualname__", type(function).__name__))
        self.dim = dim or checked(function(["dimension"]), 1, None).shape[1]

    def embed(self, texts: Sequence[str]) -> F32Array:
        """Return unit vectors, shape (len(texts), dim).

        Raises
        ------
        ShapeError, NonFiniteError
            The function returned something else than finite vectors of `dim`.
        """
        return checked(self.function(list(texts)), len(texts), self.dim)


def checked(vectors: Any, n: int, dim: int | None) -> F32Array:
    """Return what an embedder gave as unit float32 rows, or say what is wrong with it."""
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or len(rows) != n or (dim is not None and rows.shape[1] != dim):
        raise ShapeError(f"embedder: expected shape ({n}, {dim or 'dim'}), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise NonFiniteError("embedder: returned NaN or infinity")
    return unit_rows(rows)


NAMED: dict[str, Callable[[], Embedder]] = {
    "hashed": HashedEmbedder,
    "lsa": LsaEmbedder,
    "wordllama": WordLlamaEmbedder,
}


def as_embedder(value: Any) -> Embedder:
    """Turn an argument into an embedder.

    Parameters
    ----------
    value : None, str, Embedder or callable
        None is `HashedEmbedder`; "hashed", "lsa" and "wordllama" are the built-in ones, also by
        the `name` that they give themselves ("hashed-512"); "sentence-transformers/…" names such
        a model; an object with `name`, `dim` and `embed` is taken as it is; a function is wrapped
        by `CallableEmbedder`.

    Raises
    ------
    ConfigError
        An unknown name.
    TypeError
        None of these.
    """
    if value is None:
        return HashedEmbedder()
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, Embedder):
        return value
    if callable(value):
        return CallableEmbedder(value)
    raise TypeError(f"embedder: expected a name, an embedder or a function, got {value!r}")


def _named(value: str) -> Embedder:
    kind, _, dim = value.partition("-")
    if value in NAMED:
        return NAMED[value]()
    if kind == "hashed" and dim.isdecimal():
        return HashedEmbedder(int(dim))
    if kind == "wordllama" and dim.isdecimal():
        return WordLlamaEmbedder()
    if value.startswith("sentence-transformers/"):
        return SentenceTransformerEmbedder(value)
    known = ", ".join(sorted(NAMED))
    raise ConfigError(
        f"unknown embedder {value!r}; known: {known}, sentence-transformers/MODEL; another one is "
        "passed as an object or a function"
    )
