"""Data sets of memories, questions and judgments: what every protocol runs on.

A folder holds ``docs.jsonl[.gz]`` (id, text, optional title, conv, session, speaker, session_date,
time; other keys are metadata), ``queries.jsonl[.gz]`` (id, text, optional conv, adversarial,
category), ``qrels.tsv[.gz]`` (query, doc, grade) and optionally ``docs_*.npy`` and
``queries_*.npy``, one vector per line. A BEIR folder (``corpus.jsonl``, ``queries.jsonl``,
``qrels/*.tsv``) is read alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array
from engrain.evaluation.files import DatasetError, find_one, read_json_lines, read_table, required
from engrain.evaluation.times import parse_time

DOCUMENT_KEYS = frozenset({"id", "_id", "title", "text", "metadata"})


@dataclass(frozen=True, slots=True)
class Document:
    """One memory to be stored.

    Attributes
    ----------
    id : str
    text : str
        Title and text, joined by a blank.
    metadata : mapping
        Every key of its line besides id, title and text.
    sequence : str or None
        Conversation and session: memories of one session are neighbours.
    source : str or None
        The speaker.
    time : float or None
        Seconds since the epoch; None where no date could be read.
    """

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    sequence: str | None = None
    source: str | None = None
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One request with the ids of the memories that answer it.

    Attributes
    ----------
    id : str
    text : str
    relevant : frozenset of str
        Documents judged with a grade above 0.
    conv : str or None
        The conversation it is asked in; None asks the whole data set.
    adversarial : bool
        Flagged as having no answer in the memories.
    category : str or None
        Kind of question.
    """

    id: str
    text: str
    relevant: frozenset[str]
    conv: str | None = None
    adversarial: bool = False
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Memories, questions and, where supplied, their vectors.

    Attributes
    ----------
    name : str
    documents : tuple of Document
    questions : tuple of Question
        In the order of the file, unjudged ones included.
    document_vectors, question_vectors : ndarray of float32, shape (n, dim), or None
        Unit rows in the order of `documents` and `questions`; both or none.
    """

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    document_vectors: F32Array | None = None
    question_vectors: F32Array | None = None

    @property
    def dim(self) -> int | None:
        """Length of the supplied vectors."""
        return None if self.document_vectors is None else int(self.document_vectors.shape[1])

    def conversation(self, conv: str) -> Dataset:
        """Return the memories and questions of one conversation."""
        own = [i for i, d in enumerate(self.documents) if d.metadata.get("conv") == conv]
        asked = [i for i, q in enumerate(self.questions) if q.conv == conv]
        documents, questions = self.document_vectors, self.question_vectors
        return Dataset(
            self.name,
            tuple(self.documents[i] for i in own),
            tuple(self.questions[i] for i in asked),
            None if documents is None else np.ascontiguousarray(documents[own]),
            None if questions is None else np.ascontiguousarray(questions[asked]),
        )

    def judged(self, *, exclude_adversarial: bool = False) -> list[int]:
        """Return the positions of the questions that have a relevant document."""
        return [
            index
            for index, question in enumerate(self.questions)
            if question.relevant and not (exclude_adversarial and question.adversarial)
        ]


def load_dataset(folder: str | Path) -> Dataset:
    """Read a data set folder or a BEIR folder.

    Raises
    ------
    DatasetError
        A file is missing or malformed, an id is doubled, a judgment names an unknown question or
        document, or vectors do not fit their file; the message names file and line.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DatasetError(f"{root}: not a folder")
    beir = (root / "qrels").is_dir()
    documents_file = find_one(root, "corpus.jsonl" if beir else "docs.jsonl")
    questions_file = find_one(root, "queries.jsonl")
    tables = sorted((root / "qrels").glob("*.tsv")) if beir else [find_one(root, "qrels.tsv")]
    documents = read_documents(documents_file)
    questions = read_questions(questions_file)
    relevant = read_judgments(tables, {q["id"] for q in questions}, {d.id for d in documents})
    vectors = [
        read_vectors(root, "docs", len(documents)),
        read_vectors(root, "queries", len(questions)),
    ]
    if (vectors[0] is None) != (vectors[1] is None):
        raise DatasetError(f"{root}: vectors for documents and queries must come together")
    return Dataset(
        name=root.resolve().name,
        documents=tuple(documents),
        questions=tuple(
            Question(
                id=q["id"],
                text=q["text"],
                relevant=frozenset(relevant.get(q["id"], ())),
                conv=q["conv"],
                adversarial=q["adversarial"],
                category=q["category"],
            )
            for q in questions
        ),
        document_vectors=vectors[0],
        question_vectors=vectors[1],
    )


def read_documents(path: Path) -> list[Document]:
    """Read one document per line; an id must be unique."""
    documents: dict[str, Document] = {}
    for line, row in read_json_lines(path):
        document = make_document(row, f"{path}:{line}")
        if document.id in documents:
            raise DatasetError(f"{path}:{line}: id {document.id!r} occurs twice")
        documents[document.id] = document
    if not documents:
        raise DatasetError(f"{path}: holds no document")
    return list(documents.values())


def make_document(row: Mapping[str, Any], where: str) -> Document:
    """Turn one line into a document: sequence, source and time from the keys of a dialogue."""
    metadata = {key: value for key, value in row.items() if key not in DOCUMENT_KEYS}
    metadata.update(row.get("metadata") or {})
    conv, session = metadata.get("conv"), metadata.get("session")
    times = (parse_time(metadata.get(key)) for key in ("session_date", "time"))
    return Document(
        id=identity(row, where),
        text=f"{row.get('title') or ''} {required(row, 'text', where)}".strip(),
        metadata=metadata,
        sequence=None if session is None else f"{conv if conv is not None else ''}/{session}",
        source=metadata.get("speaker"),
        time=next((time for time in times if time is not None), None),
    )


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Read one question per line as id, text, conv, adversarial and category."""
    questions: dict[str, dict[str, Any]] = {}
    for line, row in read_json_lines(path):
        where = f"{path}:{line}"
        question: dict[str, Any] = {
            "id": identity(row, where),
            "text": str(required(row, "text", where)),
            "conv": row.get("conv"),
            "adversarial": bool(row.get("adversarial", False)),
            "category": None if row.get("category") is None else str(row["category"]),
        }
        if question["id"] in questions:
            raise DatasetError(f"{where}: id {question['id']!r} occurs twice")
        questions[question["id"]] = question
    if not questions:
        raise DatasetError(f"{path}: holds no query")
    return list(questions.values())


def identity(row: Mapping[str, Any], where: str) -> str:
    """Return the line's id (``_id`` in BEIR) as text."""
    return str(row["_id"] if "_id" in row else required(row, "id", where))


def read_judgments(
    tables: list[Path], queries: set[str], documents: set[str]
) -> dict[str, set[str]]:
    """Return the documents with a grade above 0 by query, from one or several tables."""
    relevant: dict[str, set[str]] = {}
    for path in tables:
        for line, (query, document, grade) in read_table(path):
            if query not in queries:
                raise DatasetError(f"{path}:{line}: unknown query {query!r}")
            if document not in documents:
                raise DatasetError(f"{path}:{line}: unknown document {document!r}")
            if grade > 0:
                relevant.setdefault(query, set()).add(document)
    if not relevant:
        raise DatasetError(f"{', '.join(map(str, tables)) or 'qrels'}: no judgment above 0")
    return relevant


def read_vectors(root: Path, stem: str, rows: int) -> F32Array | None:
    """Return the unit rows of the one file ``{stem}_*.npy``; None where there is none."""
    paths = sorted(root.glob(f"{stem}_*.npy"))
    if len(paths) > 1:
        raise DatasetError(f"{root}: several files {stem}_*.npy; leave one")
    if not paths:
        return None
    try:
        stored = np.load(paths[0], allow_pickle=False)
    except (ValueError, OSError) as error:
        raise DatasetError(f"{paths[0]}: not a readable .npy file ({error})") from error
    if stored.ndim != 2 or len(stored) != rows or stored.dtype.kind != "f":
        raise DatasetError(
            f"{paths[0]}: expected {rows} rows of floats, found {stored.dtype} {stored.shape}"
        )
    vectors = stored.astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not (lengths > 0).all():
        bad = int(np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)).ravel())[0])
        raise DatasetError(f"{paths[0]}: row {bad} is zero or not finite")
    return np.ascontiguousarray(vectors / lengths)
