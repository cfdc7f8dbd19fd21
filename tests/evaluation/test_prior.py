from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.evaluation.metrics import mean_quality
from engrain.evaluation.prior import Conversations, document, gather, main
from tests.evaluation.worlds import make_world


@pytest.fixture(scope="module")
def talks() -> Conversations:
    return gather(make_world(conversations=3))


def test_only_static_columns_are_gathered_and_each_question_once(talks: Conversations) -> None:
    assert all(name.startswith(("s:", "x:")) for name in talks.names)
    assert len(talks.judged) == 3 * 24 * 4
    assert {len(j.rows[0]) for j in talks.judged} == {len(talks.names)}


def test_a_conversation_is_measured_by_the_weights_of_the_others(talks: Conversations) -> None:
    own = [j for j in talks.judged if j.conv == "c1"]
    weights = talks.fit(without="c1")
    expected = [j.quality(weights) for j in own]
    qualities = zip(talks.left_out(), talks.judged, strict=True)
    assert [q for q, j in qualities if j.conv == "c1"] == expected
    assert np.abs(weights - talks.fit()).max() > 0


def test_the_file_holds_the_weights_of_all(talks: Conversations) -> None:
    told = json.loads(document("world", talks))["conversation"]
    assert told["fitted_on"] == {"name": "world", "questions": 288, "lambda": 10.0}
    np.testing.assert_allclose(list(told["weights"].values()), talks.fit(), atol=1e-4)
    assert tuple(told["weights"]) == talks.names


def test_one_conversation_is_not_enough() -> None:
    with pytest.raises(ConfigError, match="two conversations"):
        gather(make_world())


def test_real_conversations_teach_each_other(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(data / "mem_locomo_dev"), "--write", str(tmp_path / "priors.json")])
    figures = [float(line.split()[-3]) for line in capsys.readouterr().out.splitlines()]
    base, fixed, left_out = figures
    assert fixed >= base + 0.03
    assert left_out >= base + 0.14
    assert json.loads((tmp_path / "priors.json").read_text())["conversation"]["weights"]


def test_quality_of_the_base_is_that_of_its_columns(talks: Conversations) -> None:
    base = mean_quality([j.quality(talks.weights("base")) for j in talks.judged])
    assert 0 < base["ndcg10"] < 1
