from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.datasets import load_dataset
from engrain.evaluation.files import DatasetError

DOCS: list[dict[str, object]] = [
    {"id": "a", "title": "One", "text": "first", "conv": "c", "session": 2, "speaker": "Ann",
     "session_date": "", "time": "1:00 pm on 2 May, 2023", "mood": "good"},
    {"id": "b", "text": "second", "conv": "c", "session": 2, "session_date": "2023-05-03"},
    {"id": "c", "text": ""},
]  # fmt: skip
QUERIES: list[dict[str, object]] = [
    {"id": "q1", "text": "which?", "conv": "c"},
    {"id": "q2", "text": "none?", "conv": "c", "adversarial": True, "category": 5},
    {"id": "q3", "text": "unjudged?"},
]
QRELS = "query\tdoc\tgrade\nq1\ta\t2\nq1\tb\t0\nq2\tb\t1\n"


def write(folder: Path, name: str, text: str) -> None:
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(text.encode()))
    else:
        (folder / name).write_text(text)


def lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(params=["", ".gz"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    write(tmp_path, f"docs.jsonl{request.param}", lines(DOCS))
    write(tmp_path, f"queries.jsonl{request.param}", lines(QUERIES))
    write(tmp_path, f"qrels.tsv{request.param}", QRELS)
    return tmp_path


def test_a_folder_is_read_with_everything_a_dialogue_says(folder: Path) -> None:
    dataset = load_dataset(folder)
    first, second, third = dataset.documents
    assert first.text == "One first"
    assert (first.sequence, first.source) == ("c/2", "Ann")
    assert first.time == 1683032400.0
    assert first.metadata["mood"] == "good"
    assert first.metadata["conv"] == "c"
    assert second.time == 1683072000.0
    assert (third.text, third.sequence, third.source, third.time) == ("", None, None, None)
    assert [q.relevant for q in dataset.questions] == [{"a"}, {"b"}, set()]
    assert dataset.judged() == [0, 1]
    assert dataset.judged(exclude_adversarial=True) == [0]
    assert dataset.questions[1].category == "5"
    assert dataset.questions[0].category is None
    assert dataset.dim is None


def test_half_precision_vectors_become_unit_rows_of_float32(folder: Path) -> None:
    rng = np.random.default_rng(3)
    np.save(folder / "docs_x.npy", rng.standard_normal((3, 5)).astype(np.float16))
    np.save(folder / "queries_x.npy", rng.standard_normal((3, 5)).astype(np.float16))
    dataset = load_dataset(folder)
    assert dataset.dim == 5
    assert dataset.document_vectors is not None
    assert dataset.document_vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(dataset.document_vectors, axis=1), 1, rtol=1e-6)


def test_a_beir_folder_is_read_alike(tmp_path: Path) -> None:
    write(tmp_path, "corpus.jsonl", lines([
        {"_id": "d1", "title": "T", "text": "body", "metadata": {"url": "u"}},
        {"_id": "d2", "title": "", "text": "other", "metadata": {}},
    ]))  # fmt: skip
    write(tmp_path, "queries.jsonl", lines([{"_id": "7", "text": "what", "metadata": {}}]))
    (tmp_path / "qrels").mkdir()
    write(tmp_path / "qrels", "test.tsv", "query-id\tcorpus-id\tscore\n7\td2\t1\n")
    dataset = load_dataset(tmp_path)
    assert [d.text for d in dataset.documents] == ["T body", "other"]
    assert dataset.documents[0].metadata == {"url": "u"}
    assert dataset.questions[0].relevant == {"d2"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("docs.jsonl", '{"id": "a", "text": "x"}\n{"id": \n', "docs.jsonl:2: not valid JSON"),
        ("docs.jsonl", '{"id": "a", "text": "x"}\n[1]\n', "docs.jsonl:2: expected an object"),
        ("docs.jsonl", '{"id": "a"}\n', "docs.jsonl:1: key 'text' is missing"),
        ("docs.jsonl", '{"text": "a"}\n', "docs.jsonl:1: key 'id' is missing"),
        ("docs.jsonl", 2 * '{"id": "a", "text": ""}\n', "docs.jsonl:2: id 'a' occurs twice"),
        ("docs.jsonl", "\n", "holds no document"),
        ("queries.jsonl", '{"id": "q"}\n', "queries.jsonl:1: key 'text' is missing"),
        ("qrels.tsv", "query\tdoc\tgrade\nq9\ta\t1\n", "qrels.tsv:2: unknown query 'q9'"),
        ("qrels.tsv", "q1\tzz\t1\n", "qrels.tsv:1: unknown document 'zz'"),
        ("qrels.tsv", "q1\ta\t1\nq1\tb\tgood\n", "qrels.tsv:2: grade 'good' is no number"),
        ("qrels.tsv", "q1 a 1\n", "qrels.tsv:1: expected query, doc and grade"),
        ("qrels.tsv", "q1\ta\t0\n", "no judgment above 0"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    write(tmp_path, "docs.jsonl", lines(DOCS))
    write(tmp_path, "queries.jsonl", lines(QUERIES))
    write(tmp_path, "qrels.tsv", QRELS)
    write(tmp_path, name, content)
    with pytest.raises(DatasetError) as error:
        load_dataset(tmp_path)
    assert message in str(error.value)


def test_missing_and_unfitting_files_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="not a folder"):
        load_dataset(tmp_path / "nowhere")
    np.save(folder / "docs_x.npy", np.ones((2, 5), np.float16))
    with pytest.raises(DatasetError, match="expected 3 rows"):
        load_dataset(folder)
    np.save(folder / "docs_x.npy", np.ones((3, 5), np.float16))
    with pytest.raises(DatasetError, match="must come together"):
        load_dataset(folder)
    np.save(folder / "queries_x.npy", np.zeros((3, 5), np.float16))
    with pytest.raises(DatasetError, match="row 0 is zero"):
        load_dataset(folder)
    for path in folder.glob("queries.jsonl*"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"neither queries\.jsonl nor"):
        load_dataset(folder)


@pytest.mark.parametrize(
    ("name", "documents", "judged"),
    [("ret_cranfield", 1400, 225), ("ret_cisi", 1460, 76), ("mem_locomo_dev", 3435, 1155)],
)
def test_real_folders(data: Path, name: str, documents: int, judged: int) -> None:
    dataset = load_dataset(data / name)
    assert len(dataset.documents) == documents
    assert len(dataset.judged()) == judged
    assert dataset.dim == 384
    if name.startswith("mem"):
        assert all(d.time is not None and d.sequence and d.source for d in dataset.documents)
        assert len(dataset.judged(exclude_adversarial=True)) == 885
