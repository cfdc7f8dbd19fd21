from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engrain.evaluation.prior import (
    LOCAL,
    Asked,
    compare,
    conversation_kind,
    documents_kind,
    gather,
    gather_stream,
    left_out,
    main,
    static_weights,
    store,
    taught_trust,
    with_evidence,
)
from engrain.memory.learner import LEARNED
from engrain.memory.prior import FIXED
from tests.evaluation.worlds import make_world


@pytest.fixture(scope="module")
def talks() -> Asked:
    return gather(make_world(conversations=3))


def test_only_static_columns_are_gathered_and_each_question_once(talks: Asked) -> None:
    assert all(name.startswith(("s:", "x:")) for name in talks.names)
    assert len(talks.judged) == 3 * 24 * 4
    assert {len(j.rows[0]) for j in talks.judged} == {len(talks.names)}
    assert talks.parts == ("world/c0", "world/c1", "world/c2")


def test_every_conversation_has_a_memory_of_its_own(talks: Asked) -> None:
    alone = gather(make_world(conversations=3).conversation("c1"))
    together = [j for j in talks.judged if j.part == "world/c1"]
    for one, other in zip(alone.judged, together, strict=True):
        assert one.rows.tobytes() == other.rows.tobytes()


def test_a_conversation_is_measured_by_the_weights_of_the_others(talks: Asked) -> None:
    own = [j for j in talks.judged if j.part == "world/c1"]
    weights = talks.weights(static_weights(talks, without="world/c1"))
    expected = [j.quality(weights) for j in own]
    qualities = zip(left_out(talks), talks.judged, strict=True)
    assert [q for q, j in qualities if j.part == "world/c1"] == expected
    assert np.abs(weights - talks.weights(static_weights(talks))).max() > 0


def test_evidence_is_weighed_against_a_static_score_of_one() -> None:
    stream = gather_stream(make_world())
    found = with_evidence(stream, FIXED)
    learned = {name: weight for name, weight in found.items() if name not in FIXED}
    assert set(learned) == {*LEARNED} - {*LOCAL}
    assert learned.pop("e:passed") <= 0 <= min(learned.values())
    assert learned["e:near"] + learned["e:share"] + learned["e:again"] > 0
    scaled = {found[name] / weight for name, weight in FIXED.items()}
    assert max(scaled) == pytest.approx(min(scaled), rel=0.01)


def test_the_kinds_hold_the_weights_of_all_and_without_each(talks: Asked) -> None:
    told = conversation_kind(make_world(conversations=3), talks)
    assert told["fitted_on"] == {"questions": {"world": 288}, "lambda": 10.0}
    static = static_weights(talks)
    scaled = [told["weights"][n] / static[n] for n in static if abs(static[n]) > 0.1]
    assert max(scaled) == pytest.approx(min(scaled), rel=0.01)
    assert tuple(told["without"]) == talks.parts
    assert told["without"]["world/c0"] != told["weights"]
    assert min(told["trust"].values()) > 1


def test_real_conversations_teach_each_other(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(data / "mem_locomo_dev")])
    lines = capsys.readouterr().out.splitlines()[1:]
    base, fixed, found = (float(line.split()[-3]) for line in lines)
    assert fixed >= base + 0.05
    assert found >= 0.675
    assert float(lines[-1].split()[-1]) >= 0.75


def test_priors_of_small_worlds_are_compared_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds = {"talks": make_world(conversations=2), "texts": make_world()}
    monkeypatch.setattr("engrain.evaluation.prior.load_dataset", lambda path: worlds[path.name])
    main(["talks", "texts", "--write", str(tmp_path / "priors.json")])
    assert capsys.readouterr().out.count("fixed") == 2
    kinds = json.loads((tmp_path / "priors.json").read_text())
    assert set(kinds) == {"conversation", "hashed conversation", "documents"}
    assert tuple(kinds["hashed conversation"]["without"]) == ("world/c0", "world/c1")


def test_each_collection_has_one_vote_on_how_far_to_trust_evidence() -> None:
    streams = [
        replace(gather_stream(make_world(), seed, clicks="noisy", most=60), name=f"w{seed}")
        for seed in (1, 2, 3)
    ]
    told = documents_kind(streams)
    assert told["fitted_on"]["questions"] == {s.name: len(s.judged) for s in streams}
    votes = [taught_trust(stream) for stream in streams]
    assert {tuple(sorted(vote)) for vote in votes} == {tuple(sorted(votes[0]))}
    for name, weight in told["weights"].items():
        middle = FIXED.get(name) or np.median([vote.get(name, 0.0) for vote in votes])
        assert weight == pytest.approx(middle, abs=1e-4)
    own = told["without"]["w2"]
    assert own["r:dir"] == pytest.approx((votes[0]["r:dir"] + votes[2]["r:dir"]) / 2, abs=1e-4)


def test_kinds_that_were_not_fitted_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "priors.json"
    store({"one": {"weights": {"s:cos": 1.0}}, "two": {}}, path)
    store({"two": {"weights": {}}}, path)
    held = json.loads(path.read_text())
    assert held == {"one": {"weights": {"s:cos": 1.0}}, "two": {"weights": {}}}


def test_documents_are_compared_by_the_base_and_the_fixed_mix() -> None:
    assert list(compare(gather(make_world()))) == ["base", "fixed"]
