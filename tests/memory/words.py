"""A plain re-implementation of the columns that read stems, their parts and their pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from engrain.base.arrays import F64Array
from engrain.kernels import reference
from engrain.memory.lsa import Basis

WINDOW = {-2: 0.3, -1: 0.6, 0: 1.0, 1: 0.6, 2: 0.3}


def idf_of(documents: Sequence[Sequence[int]], term: int) -> float:
    df = sum(term in document for document in documents)
    return float(np.log1p((len(documents) - df + 0.5) / (df + 0.5)))


def gain(tf: float, length: float, average: float) -> float:
    return 2.2 * tf / (tf + 1.2 * (0.25 + 0.75 * length / average))


def gauge(scores: F64Array, best: Sequence[int]) -> F64Array:
    """Standardize by the hundred best static documents."""
    known = scores[list(best)[:100]]
    scaled: F64Array = (scores - known.mean()) / (known.std() + 1e-6)
    return scaled


def feedback_words(
    question: Sequence[int], documents: Sequence[Sequence[int]], static: F64Array
) -> dict[int, float]:
    """Return the question's stems and those of the eight best documents, half each."""
    found: dict[int, float] = defaultdict(float)
    best = np.argsort(-static, kind="stable")[:8].tolist()
    for i in best:
        trust = np.exp(static[i] - static[best[0]]) / max(len(documents[i]), 1)
        for term, count in Counter(documents[i]).items():
            found[term] += trust * count * idf_of(documents, term)
    kept = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:20]
    total = sum(weight for _, weight in kept) + 1e-6
    words = defaultdict(float, {term: 0.5 * weight / total for term, weight in kept})
    for term in question:
        words[term] += 0.5 / len(question)
    return dict(words)


def weighted_bm25(words: dict[int, float], documents: Sequence[Sequence[int]]) -> F64Array:
    average = np.mean([len(d) for d in documents]) or 1.0
    weights = {term: weight * idf_of(documents, term) for term, weight in words.items()}
    return np.array(
        [
            sum(w * gain(d.count(t), len(d), float(average)) for t, w in weights.items())
            for d in documents
        ]
    )


def word_columns(question: str, texts: Sequence[str], static: F64Array) -> dict[str, F64Array]:
    """Return x:porter (in deviations of 1), x:char4, x:bigram and x:rm3 of a whole collection."""
    asked = reference.read_stems(question)
    documents = [reference.read_stems(text) for text in texts]
    stems, grams, pairs = ([d[i] for d in documents] for i in range(3))
    best = np.argsort(-static, kind="stable").tolist()
    return {
        "x:porter": reference.bm25_scores(asked[0], stems),
        "x:char4": gauge(reference.bm25_scores(asked[1], grams), best),
        "x:bigram": np.log1p(reference.bm25_scores(asked[2], pairs)),
        "x:rm3": gauge(weighted_bm25(feedback_words(asked[0], stems, static), stems), best),
    }


def window_bm25(
    question: str, texts: Sequence[str], windows: Sequence[dict[int, float]]
) -> F64Array:
    """Return BM25 over windows in deviations of 1; a window gives the weights of some texts."""
    documents = [reference.read_stems(text)[0] for text in texts]
    average = float(np.mean([len(d) for d in documents])) * sum(WINDOW.values())
    asked = Counter(reference.read_stems(question)[0])
    scores = np.zeros(len(windows))
    for i, near in enumerate(windows):
        length = sum(w * len(documents[j]) for j, w in near.items())
        for term, count in asked.items():
            tf = sum(w * documents[j].count(term) for j, w in near.items())
            scores[i] += count * idf_of(documents, term) * gain(tf, length, average)
    return scores


def latent_cosines(question: str, texts: Sequence[str], basis: Basis) -> F64Array:
    """Return cosines of the question with texts, both placed by a basis over stems."""
    place = {int(term): i for i, term in enumerate(basis.terms)}

    def at(text: str) -> F64Array:
        vector = np.zeros(basis.vectors.shape[1])
        for term, count in Counter(reference.read_stems(text)[0]).items():
            if term in place:
                i = place[term]
                vector += (1 + np.log(count)) * float(basis.idf[i]) * basis.vectors[i]
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    asked = at(question)
    return np.array([at(text) @ asked for text in texts])


def rarity(text: str, basis: Basis) -> float:
    """Return the mean idf of the text's three rarest stems, unknown ones beyond all others."""
    known = dict(zip(basis.terms.tolist(), basis.idf.tolist(), strict=True))
    unknown = max(known.values()) + np.log(2)
    found = [known.get(term, unknown) for term in set(reference.read_stems(text)[0])]
    return float(sum(sorted(found, reverse=True)[:3]) / 3)
