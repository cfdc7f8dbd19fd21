from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.base.errors import UnknownIdError
from engrain.learning.neuro_symbolic import PathFusion

Rows = list[tuple[str, str, str]]


def read(data: Path, name: str) -> Rows:
    with gzip.open(data / "kg_dev" / f"{name}.tsv.gz", "rt") as file:
        return [(s, p, o) for s, p, o in (line.rstrip("\n").split("\t") for line in file)]


def hits_at_10(test: Rows, known: Rows, names: list[str], scores: Callable[..., F64Array]) -> float:
    """Return filtered hits@10 over heads and tails, ties at their mean rank."""
    index = {name: i for i, name in enumerate(names)}
    truth: dict[tuple[str, str, bool], set[str]] = {}
    for s, p, o in known:
        truth.setdefault((s, p, False), set()).add(o)
        truth.setdefault((o, p, True), set()).add(s)
    hits = []
    for s, p, o in test:
        for given, wanted, inverse in ((s, o, False), (o, s, True)):
            row = scores(given, p, inverse).copy()
            own = row[index[wanted]]
            row[[index[name] for name in truth[given, p, inverse]]] = -1.0
            hits.append(1 + (row > own).sum() + (row == own).sum() / 2 <= 10)
    return float(np.mean(hits))


@pytest.mark.parametrize(("name", "floor"), [("umls", 0.96), ("kinships", 0.92)])
def test_paths_beat_frequency_on_real_graphs(data: Path, name: str, floor: float) -> None:
    train, valid, test = (read(data, f"{name}_{part}") for part in ("train", "valid", "test"))
    model = PathFusion(train)
    counts = Counter((p, o, False) for _, p, o in train)
    counts.update(Counter((p, s, True) for s, p, _ in train))

    def frequency(_: str, relation: str, inverse: bool) -> F64Array:
        row = [counts[relation, entity, inverse] for entity in model.entities]
        return np.array(row, dtype=np.float64)

    known = train + valid + test
    ours = hits_at_10(test, known, model.entities, model.scores)
    baseline = hits_at_10(test, known, model.entities, frequency)
    print(f"{name}: filtered hits@10 {ours:.3f}, frequency {baseline:.3f}")
    assert ours > max(floor, baseline + 0.05)


def test_a_two_step_rule_is_found_and_followed() -> None:
    rows = [(f"p{i}", "parent", f"c{i}") for i in range(20)]
    rows += [(f"c{i}", "parent", f"g{i}") for i in range(20)]
    rows += [(f"p{i}", "grandparent", f"g{i}") for i in range(19)]
    model = PathFusion(rows, prior=1.0)
    scores = model.scores("p19", "grandparent")
    assert model.entities[int(scores.argmax())] == "g19"
    assert np.count_nonzero(scores == scores.max()) == 1
    backwards = model.scores("g19", "grandparent", inverse=True)
    assert model.entities[int(backwards.argmax())] == "p19"


def test_unknown_names_are_refused_and_nothing_learned_is_no_error() -> None:
    model = PathFusion([("a", "r", "b")])
    assert not model.scores("a", "r").any()
    with pytest.raises(UnknownIdError):
        model.scores("z", "r")
    assert PathFusion([]).entities == []


def test_the_bound_on_joins_leaves_out_hubs_only() -> None:
    rows = [("hub", "r", f"x{i}") for i in range(200)]
    rows += [(f"a{i}", "p", f"b{i}") for i in range(10)] + [
        (f"a{i}", "q", f"b{i}") for i in range(9)
    ]
    model = PathFusion(rows, prior=1.0, max_joins=5_000)
    assert model.scores("a9", "q")[model.entities.index("b9")] > 0.5
