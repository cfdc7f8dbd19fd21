"""Compiled static retrieval: BM25 and centred cosines over every document of a scope."""

from __future__ import annotations

from engrain._index import (
    Block,
    RetrievalIndex,
    Search,
    count_accesses,
    count_terms_of,
    hash_texts,
    stems_of,
    terms_of,
    unit_of,
)

__all__ = [
    "Block",
    "RetrievalIndex",
    "Search",
    "count_accesses",
    "count_terms_of",
    "hash_texts",
    "stems_of",
    "terms_of",
    "unit_of",
]
