"""Static nDCG@10 of a retrieval set, its questions asked in file order as one stream."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array
from engrain.evaluation.times import parse_time
from engrain.memory.index import StaticIndex, unit_rows

DISCOUNT = 1 / np.log2(np.arange(2, 12))


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def vectors(path: Path) -> F32Array:
    return unit_rows(np.load(path).astype(np.float32))


def relevant(folder: Path) -> dict[str, set[str]]:
    found = defaultdict(set)
    with gzip.open(folder / "qrels.tsv.gz", "rt") as file:
        for line in file.read().splitlines()[1:]:
            query, document, grade = line.split("\t")
            if float(grade) > 0:
                found[query].add(document)
    return found


def build(documents: list[dict[str, Any]], rows: F32Array) -> tuple[StaticIndex, dict[str, int]]:
    """Return the index and the scope of each conversation."""
    index = StaticIndex([rows.shape[1]])
    sequences: dict[tuple[str, Any], int] = {}
    talks = defaultdict(list)
    for handle, document in enumerate(documents):
        key = (document.get("conv", ""), document.get("session"))
        sequence = sequences.setdefault(key, len(sequences)) if "session" in document else -1
        text = f"{document.get('title') or ''} {document['text']}"
        told = parse_time(document.get("session_date"))
        index.add(handle, text, [rows[handle]], sequence, document.get("speaker"), told)
        talks[document.get("conv")].append(handle)
    scopes = {talk: index.scope(np.array(members)) for talk, members in talks.items() if talk}
    return index, scopes


def ndcg10(folder: Path) -> float:
    """Return the mean over judged questions, binary gains."""
    documents, questions = lines(folder / "docs.jsonl.gz"), lines(folder / "queries.jsonl.gz")
    wanted = relevant(folder)
    index, scopes = build(documents, vectors(folder / "docs_minilm_f16.npy"))
    scores = []
    asked = vectors(folder / "queries_minilm_f16.npy")
    for question, vector in zip(questions, asked, strict=True):
        search = index.search(question["text"], [vector], scopes.get(question.get("conv", ""), 0))
        index.observe(search)
        if answers := wanted[question["id"]]:
            hits = np.array([documents[handle]["id"] in answers for handle in search.top(10)])
            ideal = DISCOUNT[: min(10, len(answers))].sum()
            scores.append((hits * DISCOUNT[: len(hits)]).sum() / ideal)
    return float(np.mean(scores))
