"""The static base: what ranks memories before anything is learned from feedback.

score(d) = z(BM25(d)) + z(cosine(d)), z over every document of the scope. The cosine is taken
between the document less the scope's document mean μ and the query less
m = (Σ q + 16 μ) / (n + 16), the running mean of its n queries, this one included; both are
renormalised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import SnapshotError
from engrain.kernels.index import Block, RetrievalIndex, Search

__all__ = ["Block", "Search", "StaticIndex"]


class StaticIndex(RetrievalIndex):
    """Lexical index and vector views over memories named by dense, ascending handles.

    A `Search` holds the scores of all documents of its scope: ``top(n)`` lists the best handles by
    static score (ties by insertion), ``candidates(n, others)`` these and others, ascending,
    ``gather(handles)`` returns a `Block` of feature rows for any handles of the scope, with room
    for further columns where it is given a number of them. All raise RuntimeError once the scope
    has changed.

    ``Search``: ``query`` (one centred unit vector, or None, per view), ``terms`` (int32 hashes,
    ascending), ``counts``, ``idf``, ``average_length`` (terms per document), ``bm25_sd``
    (population deviation of BM25 over the scope, at least .3), ``scope``.

    ``Block`` of n handles: ``x`` float32 (n, columns), the first named by ``names``; ``static``
    (n,), the base score; ``centred`` (n, dim of view 0), unit document vectors less the scope's
    mean; ``tf`` (n, terms) term frequencies; ``length`` (n,) in terms. The columns:

    ========  =====================================================================
    s:bm25    z(BM25)
    s:cos     z(cosine) of view 0; s:cos2, … of further views
    s:prf     cosine with the centroid of the five best static documents
    s:cov     idf share of the query's terms that occur in the document
    s:len     log(terms + 5)
    s:rank    -log(1 + static rank), rank from 0
    s:min     min(s:bm25, s:cos)
    s:prev    static score of the neighbour before in its sequence, at least -3; else 0
    s:next    the same of the neighbour after
    ========  =====================================================================

    ============  =================================================================
    x:winbm       BM25 of the stems in a window of ±2 neighbours, weights .3 .6 1 .6 .3
    x:wincos      s:cos over the same window, at the precision of the scan
    x:n-2, x:n+2  as s:prev and s:next, two places away
    x:sessbm      z(BM25) of the whole sequence as one text, over the scope's sequences
    x:sessmax     z(best static score in the sequence)
    x:qmark       1 where the text ends in a question mark
    x:prevq       1 where the neighbour before does
    x:prevq_score its static score, at least 0: answers follow matching questions
    x:pos         log(1 + place in the sequence)
    x:rare        mean idf of its three rarest stems, as the latent basis knows it (a stem
                  that it does not know: ln 2 above all others); 0 without a basis
    x:src         where the question names exactly one source: 1 on its memories, -1 on others'
    x:men         and 1 where the text names it too
    x:date        closeness in time to a date in the question: exp(-days / 10), of a month / 25
    x:when_time   1 where the question asks when or how long and the text has a word of time
    x:num_digit   1 where it asks how many or how long and the text has a digit
    ============  =================================================================

    ========  =====================================================================
    x:porter  BM25 over Porter stems, in deviations of the question's BM25
    x:char4   z(BM25) over the character 4-grams of the stems
    x:bigram  log(1 + BM25) over pairs of stems, adjacent or with one between
    x:rm3     z(BM25) by the question's stems and twenty of the eight best documents
    x:diff    cosine with the ten best documents, each weighed by its margin over
              the next, in deviations of s:cos
    x:lsa     z(cosine) in the latent space, see `learn_latent`; 0 without a basis
    ========  =====================================================================

    These z are over the hundred best static documents. A view counts 0 where the query or the
    document has no vector in it, context where sequence, source or time are not known; neighbours
    count where they belong to the scope.

    Parameters
    ----------
    dims : sequence of int
        Dimension of each vector view; empty for a purely lexical index.
    folder : Path, optional
        Where exact vectors may stand in a file without a name, mapped into memory, once they take
        more than 64 MiB; without it, or where no such file can be had, they stay in memory.
    """

    def __init__(self, dims: Sequence[int] = (), folder: Path | None = None) -> None:
        super().__init__(dims, folder)
        self._awaited: dict[int, list[tuple[int, I64Array]]] = {}

    def scope(self, handles: I64Array | None) -> int:
        """Open a filter over `handles` and return its number; None is 0, all live memories.

        Numbers ascend in order of opening: open the same scopes in the same order before or after
        `load`. Later members come by `extend`; a removed memory leaves every scope.
        """
        number = super().scope(handles)
        for view, (count, total) in enumerate(self._awaited.pop(number, [])):
            self.set_query_sum(number, view, count, total)
        return number

    def observe(self, search: Search) -> None:
        """Count the query's vectors into its scope's running query mean (once per request)."""
        self.observe_query(search.scope, search.vectors)

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what was learned of queries: sums as int64 multiples of 2⁻²⁴, and counts.

        Returns
        -------
        dict
            ``counts`` (scopes, views) and, per view i, ``sum_i`` (scopes, dim), all int64.
        """
        views = range(len(self.dims))
        scopes = range(self.scopes)
        sums = [[self.query_sum(scope, view) for scope in scopes] for view in views]
        counts = np.array([[count for count, _ in column] for column in sums], dtype=np.int64)
        state = {f"sum_{view}": np.stack([s for _, s in sums[view]]) for view in views}
        return {"counts": counts.reshape(len(views), len(scopes)).T.copy(), **state}

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`; scopes yet to be opened receive theirs then.

        Raises
        ------
        SnapshotError
            The state is of other views than this index has.
        """
        counts = state["counts"]
        sums = [state.get(f"sum_{view}") for view in range(len(self.dims))]
        shapes = [None if total is None else total.shape for total in sums]
        if shapes != [(len(counts), dim) for dim in self.dims] or counts.shape[1] != len(self.dims):
            raise SnapshotError(f"index state of shapes {shapes} does not fit views {self.dims}")
        self._awaited.clear()
        for scope in range(len(counts)):
            rows = [
                (int(counts[scope, view]), np.ascontiguousarray(total[scope]))
                for view, total in enumerate(sums)
                if total is not None
            ]
            if scope >= self.scopes:
                self._awaited[scope] = rows
                continue
            for view, (count, total) in enumerate(rows):
                self.set_query_sum(scope, view, count, total)


def unit_rows(vectors: F32Array) -> F32Array:
    """Return `vectors`, shape (n, dim), with each row at unit length; rows of zeros stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)
