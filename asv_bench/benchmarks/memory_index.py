from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import reference
from engrain.kernels.index import hash_texts, stems_of, terms_of
from engrain.memory.index import StaticIndex, unit_rows
from engrain.memory.lsa import LsaEmbedder

DIM, WORDS = 384, 20_000


class Texts:
    """Texts of 60 words and questions of 8, drawn by Zipf's law, with random vectors."""

    def __init__(self, n):
        rng = np.random.default_rng(0)
        p = 1 / np.arange(1, WORDS + 1)
        words = np.array([f"w{i}x" for i in range(WORDS)])

        def draw(count, length):
            return [" ".join(w) for w in words[rng.choice(WORDS, (count, length), p=p / p.sum())]]

        self.texts, self.questions = draw(n, 60), draw(64, 8)
        self.vectors = unit_rows(rng.standard_normal((n, DIM), dtype=np.float32) + 0.3)
        self.queries = unit_rows(rng.standard_normal((64, DIM), dtype=np.float32) + 0.3)
        self.others = rng.choice(n, 40, replace=False)


class Search:
    """One request over all memories, text and vector, beside vector-only peers on one thread."""

    params = [10_000, 100_000]
    param_names = ["n"]
    timeout = 300

    def setup(self, n):
        import faiss
        import usearch.index

        faiss.omp_set_num_threads(1)
        made = self.made = Texts(n)
        self.index = StaticIndex([DIM])
        for handle in range(n):
            self.index.add(handle, made.texts[handle], [made.vectors[handle]], handle // 20)
        self.faiss = faiss.IndexFlatIP(DIM)
        self.faiss.add(made.vectors)
        self.usearch = usearch.index.search
        self.metric = usearch.index.MetricKind.IP
        self.i = 0

    def next(self):
        self.i = (self.i + 1) % 64
        return self.made.questions[self.i], self.made.queries[self.i]

    def time_search(self, n):
        text, vector = self.next()
        self.index.search(text, [vector])

    def time_search_top_100(self, n):
        text, vector = self.next()
        self.index.search(text, [vector]).top(100)

    def time_search_top_100_gather_140(self, n):
        text, vector = self.next()
        search = self.index.search(text, [vector])
        search.gather(np.concatenate([search.top(100), self.made.others]))

    def time_search_propose_160_gather(self, n):
        text, vector = self.next()
        search = self.index.search(text, [vector])
        search.gather(search.candidates(100, np.empty(0, np.int64), 60))

    def time_search_of_a_vector_top_10(self, n):
        self.index.search("", [self.next()[1]]).top(10)

    def time_numpy_top_10(self, n):
        scores = self.made.vectors @ self.next()[1]
        best = np.argpartition(-scores, 10)[:10]
        best[np.argsort(-scores[best])]

    def time_faiss_top_10(self, n):
        self.faiss.search(self.next()[1][None], 10)

    def time_usearch_exact_top_10(self, n):
        self.usearch(self.made.vectors, self.next()[1], 10, self.metric, exact=True, threads=1)

    def track_recall_at_10_of_the_exact_ranking(self, n):
        found = 0
        for query in self.made.queries[:16]:
            cosines, _, _ = reference.centred_cosines(self.made.vectors, query[None])
            exact = np.argsort(-reference.standardize(cosines), kind="stable")[:10]
            found += len(set(exact) & set(self.index.search("", [query]).top(10)))
        return found / 160


class Change:
    """One memory added, moved, or forgotten, and a search that sees it."""

    def setup(self):
        made = self.made = Texts(10_000)
        self.index = StaticIndex([DIM])
        for handle in range(10_000):
            self.index.add(handle, made.texts[handle], [made.vectors[handle]], handle // 20)
        self.i = 0

    def time_add(self):
        i = self.i = (self.i + 1) % 10_000
        self.index.add(self.index.handles, self.made.texts[i], [self.made.vectors[i]])

    def time_move(self):
        i = self.i = (self.i + 1) % 10_000
        self.index.move(i, 0, self.made.vectors[i - 1])

    def time_move_and_search(self):
        self.time_move()
        self.index.search(self.made.questions[0], [self.made.queries[0]]).top(10)

    def time_observe(self):
        self.index.observe_query(0, [self.made.queries[0]])


class Bm25:
    """BM25 of one question over 2,000 texts, beside the oracle."""

    def setup(self):
        made = self.made = Texts(2_000)
        self.index = StaticIndex()
        for handle, text in enumerate(made.texts):
            self.index.add(handle, text, [])
        self.documents = [reference.terms_of(text) for text in made.texts]
        self.query = reference.terms_of(made.questions[0])

    def time_index(self):
        self.index.search(self.made.questions[0], [])

    def time_bm25_scores_oracle(self):
        reference.bm25_scores(self.query, self.documents)


class Embed:
    """One question and one text to vectors."""

    def setup(self):
        made = self.made = Texts(2_000)
        self.lsa = LsaEmbedder().fit(made.texts)

    def time_terms_of_a_text(self):
        terms_of(self.made.texts[0])

    def time_stems_of_a_text(self):
        stems_of(self.made.texts[0])

    def time_read_stems_oracle(self):
        reference.read_stems(self.made.texts[0])

    def time_porter_stem_oracle(self):
        reference.porter_stem("generalizations")

    def time_hash_text_oracle(self):
        reference.hash_text(self.made.questions[0], 512)

    def time_hashed_question(self):
        hash_texts(self.made.questions[:1], 512)

    def time_hashed_text(self):
        hash_texts(self.made.texts[:1], 512)

    def time_lsa_question(self):
        self.lsa.embed(self.made.questions[:1])

    def time_lsa_fit_2000(self):
        LsaEmbedder().fit(self.made.texts)


class MultiplySparse:
    """60 entries a row times 138 columns, beside scipy."""

    params = [1_000, 10_000]
    param_names = ["n"]

    def setup(self, n):
        import scipy.sparse

        rng = np.random.default_rng(0)
        self.starts = np.arange(0, 60 * n + 1, 60, dtype=np.int64)
        self.columns = rng.integers(0, WORDS, 60 * n, dtype=np.int32)
        self.values = rng.random(60 * n, dtype=np.float32)
        self.dense = rng.standard_normal((WORDS, 138), dtype=np.float32)
        self.out = np.empty((n, 138), np.float32)
        self.scipy = scipy.sparse.csr_matrix(
            (self.values, self.columns, self.starts), shape=(n, WORDS)
        )

    def time_multiply_sparse(self, n):
        kernels.multiply_sparse(self.starts, self.columns, self.values, self.dense, self.out)

    def time_scipy(self, n):
        self.scipy @ self.dense
