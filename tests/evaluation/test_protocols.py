from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engrain.base.errors import ConfigError
from engrain.evaluation.options import Options
from engrain.evaluation.protocols import Run, evaluate
from tests.evaluation.worlds import TOPICS, WORDINGS, make_world

ALL = TOPICS * WORDINGS
KEYS = {
    "dataset", "protocol", "queries", "static", "prior", "learned", "lift", "overlap", "no_overlap",
    "fixed", "prior_lift", "over_prior", "static_weights", "evidence", "mechanisms",
    "conversations", "latency_us", "cache", "over_cache", "categories",
}  # fmt: skip


def run(**settings: Any) -> dict[str, Any]:
    """Evaluate on made-up words, from BM25 + cosine: priors speak of language."""
    return evaluate(make_world(), Options(**{"prior": "base", **settings}))


def test_static_teaches_nothing_and_reports_every_key() -> None:
    report = run(protocol="static")
    assert set(report) == KEYS
    assert report["queries"] == ALL
    assert report["static"] == report["learned"]
    assert report["lift"]["ndcg10"] == 0
    assert report["overlap"] == {"n": 0, "lift": None, "ci95": None}
    assert report["latency_us"]["recall_p50"] > 0
    assert set(report["static"]) == {"ndcg10", "recall5", "recall10", "mrr", "r1"}
    json.dumps(report, allow_nan=False)


def test_a_memory_is_measured_as_it_starts_by_default() -> None:
    report = evaluate(make_world(), Options(protocol="static"))
    assert report["learned"] == report["prior"] == report["fixed"] != report["static"]


@pytest.mark.parametrize("teach", ["judge", "shown"])
def test_kfold_learns_from_other_wordings(teach: str) -> None:
    report = run(protocol="kfold", folds=4, teach=teach)
    assert report["queries"] == ALL
    assert report["overlap"]["n"] + report["no_overlap"]["n"] == ALL
    assert report["overlap"]["n"] > 0.8 * ALL
    assert report["lift"]["ci95"][0] > 0.03
    assert report["evidence"]["ci95"][0] > 0
    assert max(m["lift"] for m in report["mechanisms"].values()) > 0.02
    assert report["latency_us"]["feedback_p50"] > 0


def test_a_stream_learns_and_its_figures_cover_the_second_half() -> None:
    report = run(protocol="prequential")
    assert report["queries"] == ALL // 2
    assert report["lift"]["ci95"][0] > 0
    assert report["curve"][-1]["requests"] == ALL
    assert report["curve"][0]["learned"] < report["curve"][-1]["learned"]


def test_repeats_are_remembered_even_from_noisy_clicks() -> None:
    report = run(protocol="repeat", clicks="noisy")
    assert report["queries"] == ALL
    assert report["lift"]["ci95"][0] > 0.03
    assert report["curve"][-1]["requests"] == 2 * ALL


def test_a_cache_knows_the_very_questions_that_were_asked_before() -> None:
    again = run(protocol="repeat")
    assert again["cache"]["r1"] == 1.0  # all that was praised is right, and stands first
    once = run(protocol="prequential")
    assert once["cache"]["ndcg10"] == pytest.approx(once["prior"]["ndcg10"], abs=0.02)
    assert once["over_cache"]["lift"] > 0


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (run(protocol="prequential", clicks="noisy", seed=3) for _ in range(2))
    for report in (first, second):
        del report["latency_us"]
    assert first == second


def test_conversations_are_asked_apart_and_reported_apart() -> None:
    dataset = make_world(conversations=3)
    report = evaluate(dataset, Options(protocol="kfold", folds=3))
    assert set(report["conversations"]) == {"c0", "c1", "c2"}
    assert sum(part["n"] for part in report["conversations"].values()) == 3 * ALL
    assert report["lift"]["ci95_clustered"] is not None


@pytest.mark.parametrize(
    "settings",
    [{"delay": 20}, {"flip": 0.3}, {"clicks": "position"}, {"clicks": "joint"}, {"drift": True}],
)
def test_harder_streams_run_to_their_end(settings: dict[str, Any]) -> None:
    report = run(protocol="repeat", **settings)
    assert 0 < report["queries"] <= ALL
    json.dumps(report, allow_nan=False)


def test_delayed_feedback_is_the_same_feedback_later() -> None:
    late = run(protocol="repeat", delay=10)
    assert late["lift"]["ci95"][0] > 0


def test_a_poisoned_stream_reports_exposure_beside_the_clean_one() -> None:
    report = run(protocol="prequential", poison=0.3)
    poison = report["poison"]
    assert poison["rate"] == 0.3
    assert 0 <= poison["top5_share_clean"] <= 1
    unguarded = run(protocol="prequential", poison=0.3, principals=0)["poison"]
    assert unguarded["top5_share"] >= poison["top5_share"]
    assert unguarded["top5_share_clean"] == poison["top5_share_clean"]


def test_mechanisms_are_chosen_by_name() -> None:
    report = run(protocol="static", mechanisms=("s:bm25", "e:near"))
    assert list(report["mechanisms"]) == ["s:bm25", "e:near"]
    assert report["mechanisms"]["s:bm25"]["lift"] != 0
    with pytest.raises(ConfigError, match="unknown e:nonsense; known: s:bm25"):
        run(protocol="static", mechanisms=("e:nonsense",))
    with pytest.raises(ConfigError, match="unknown component 'nonsense'"):
        run(protocol="static", mechanisms=("nonsense",))


def test_too_few_questions_are_refused() -> None:
    with pytest.raises(ConfigError, match="96 judged questions, 500 are needed"):
        run(protocol="kfold", folds=500)


def test_progress_is_reported_up_to_the_end() -> None:
    seen: list[tuple[str, int, int]] = []
    evaluate(make_world(), Options(protocol="kfold", folds=2), lambda *step: seen.append(step))
    assert seen[-1] == ("fold 2 of 2", ALL, ALL)


@pytest.mark.parametrize(
    ("name", "least"), [("ret_cranfield", 0.425), ("ret_cisi", 0.458), ("ret_xquad_en", 0.975)]
)
def test_the_static_base_on_real_data(data: Path, name: str, least: float) -> None:
    from engrain.evaluation.datasets import load_dataset

    report = evaluate(load_dataset(data / name), Options(protocol="static"))
    assert report["static"]["ndcg10"] >= least


def test_learning_on_real_data(data: Path) -> None:
    from engrain.evaluation.datasets import load_dataset

    cranfield = load_dataset(data / "ret_cranfield")
    judged = evaluate(cranfield, Options(protocol="kfold"))
    assert judged["lift"]["ndcg10"] >= 0.06
    assert judged["lift"]["ci95"][0] > 0
    noisy = evaluate(cranfield, Options(protocol="repeat", clicks="noisy"))
    assert noisy["lift"]["ndcg10"] >= 0.10


def test_an_attacker_may_bring_its_memory() -> None:
    report = run(protocol="prequential", poison=0.3, inject=True)["poison"]
    assert report["inject"]
    assert 0 < report["top5_share_clean"] <= 1
    assert 0 < report["top5_share"] <= 1


def test_a_change_of_what_is_right_is_reported_before_and_after_fifty_feedbacks() -> None:
    drift = run(protocol="repeat", drift=True)["drift"]
    late = ALL  # every question once, about the half of the documents that is right then
    assert drift["within_50"]["n"] + drift["later"]["n"] <= late
    assert drift["within_50"]["n"] >= 40
    assert drift["within_50"]["lift"] > 0


def test_exploration_shows_what_would_not_be_shown(tmp_path: Path) -> None:
    run = Run(make_world(), Options(protocol="prequential", explore=1.0), tmp_path)
    with run.subject("stream") as subject:
        assert subject.ask(0).propensity == pytest.approx(1 / 14)
        assert subject.glance(0).propensity == 1.0


def test_kinds_of_questions_are_reported_apart() -> None:
    world = make_world()
    kinds = [replace(q, category=str(i % 2)) for i, q in enumerate(world.questions)]
    report = evaluate(replace(world, questions=tuple(kinds)), Options(protocol="kfold", folds=3))
    parts = report["categories"]
    assert set(parts) == {"0", "1"}
    assert sum(part["n"] for part in parts.values()) == ALL
    whole = sum(part["n"] * part["learned"] for part in parts.values()) / ALL
    assert whole == pytest.approx(report["learned"]["recall5"])
