from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.arrays import F32Array
from engrain.base.clock import SimulatedClock
from engrain.base.errors import (
    ClosedMemoryError,
    ConfigError,
    FeedbackConflict,
    NonFiniteError,
    ReadOnlyError,
    ShapeError,
    UnknownIdError,
    UnknownTraceError,
)
from engrain.memory.logged import KERNEL_EPOCH
from engrain.memory.opening import replay
from engrain.memory.parts import Parts
from tests.strategies import normal

DIM = 16
WORDS = [f"word{i}" for i in range(60)]


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, 8)) for _ in range(n)]


def filled(path: Path, n: int = 60, **options: object) -> Memory:
    memory = Memory(path, dim=DIM, **options)  # type: ignore[arg-type]
    vectors = normal(1, n, DIM)
    memory.remember_many(
        {
            "text": text,
            "vector": vectors[i],
            "id": f"d{i}",
            "metadata": {"half": i % 2},
            "sequence": f"talk {i // 10}",
        }
        for i, text in enumerate(texts(n))
    )
    return memory


def teach(memory: Memory, rounds: int, seed: int = 5) -> None:
    rng = np.random.default_rng(seed)
    vectors = normal(1, 60, DIM)
    for text in texts(rounds, seed):
        wanted = int(rng.integers(60))
        filter = {"half": wanted % 2} if wanted % 3 == 0 else None
        recall = memory.recall(text, vector=vectors[wanted], filter=filter)
        memory.feedback(recall, used=[hit.id for hit in recall if hit.id == f"d{wanted}"])


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with filled(tmp_path / "m.db") as memory:
        yield memory


def test_what_was_remembered_is_recalled(memory: Memory) -> None:
    found = memory.recall(texts(60)[7], vector=normal(1, 60, DIM)[7])
    assert found[0].id == "d7"
    assert found[0].text == texts(60)[7]
    assert len(found) == 10
    assert sum(found[0].components.values()) == pytest.approx(found[0].score, rel=1e-5)


def test_where_nothing_helped_nothing_was_passed_over(memory: Memory) -> None:
    question, vector = texts(60)[7], normal(1, 60, DIM)[7]

    def passed() -> set[object]:
        found = memory.recall(question, vector=vector, k=60, log=False)
        return {hit.id for hit in found if hit.components.get("e:passed", 0.0) < 0}

    memory.feedback(memory.recall(question, vector=vector), used=[])
    assert not passed()
    recall = memory.recall(question, vector=vector)
    memory.feedback(recall, used=["d7"])
    assert passed() == {hit.id for hit in recall} - {"d7"}


def test_feedback_teaches(memory: Memory) -> None:
    question = "something that no memory mentions"
    before = [hit.id for hit in memory.recall(question, k=60, log=False)]
    for _ in range(30):
        recall = memory.recall(question, k=60)
        memory.feedback(recall, used=["d33"])
    after = [hit.id for hit in memory.recall(question, log=False)]
    assert before[0] != "d33"
    assert after[0] == "d33"


def test_an_empty_memory_answers_nothing(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=4) as memory:
        assert memory.recall("anything", log=False).hits == ()
        assert memory.recall("anything", vector=[1, 0, 0, 0]).hits == ()
        assert memory.remember("") == "m1"


def test_feedback_speaks_once(memory: Memory) -> None:
    recall = memory.recall(texts(1)[0])
    first = memory.feedback(recall, used=[recall[0].id])
    state = memory.state_hash
    again = memory.feedback(recall.trace_id or "", used=[recall[0].id])
    assert (first.seq, first.hash) == (again.seq, again.hash)
    with pytest.raises(FeedbackConflict):
        memory.feedback(recall, used=[recall[1].id])
    assert memory.state_hash == state


def test_refusals_change_nothing(memory: Memory) -> None:
    recall = memory.recall(texts(1)[0])
    state, head = memory.state_hash, memory.flush()
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (ShapeError, lambda: memory.remember("x", vector=[1.0, 2.0])),
        (NonFiniteError, lambda: memory.recall("x", vector=[np.nan] * DIM)),
        (NonFiniteError, lambda: memory.remember("x", time=float("inf"))),
        (ConfigError, lambda: memory.remember("x", vector=[0.0] * DIM)),
        (ConfigError, memory.remember),
        (ConfigError, lambda: memory.remember("x", metadata={"a": object()})),
        (TypeError, lambda: memory.remember(5)),  # type: ignore[arg-type]
        (TypeError, lambda: memory.remember("x", id=2.5)),  # type: ignore[arg-type]
        (ConfigError, lambda: memory.recall("x", k=0)),
        (UnknownIdError, lambda: memory.feedback(recall, used=["d1000"])),
        (UnknownTraceError, lambda: memory.feedback("1-00", outcome=1.0)),
        (UnknownTraceError, lambda: memory.feedback("nonsense", outcome=1.0)),
        (ConfigError, lambda: memory.feedback(recall, outcome=1.5)),
        (ConfigError, lambda: memory.feedback(recall)),
        (ConfigError, lambda: memory.feedback(recall, outcome=1.0, latency_ms=-1.0)),
        (UnknownIdError, lambda: memory.judge("x", {"d1000": 1})),
        (ConfigError, lambda: memory.judge("x", {"d1": -1})),
        (ConfigError, lambda: memory.judge("x", {})),
        (UnknownIdError, lambda: memory.forget("d1000")),
        (UnknownIdError, lambda: memory.link("d1", "d1000")),
        (ConfigError, lambda: memory.link("d1", "d1")),
    ]
    for error, call in refused:
        with pytest.raises(error):
            call()
    assert memory.state_hash == state
    assert memory.flush() == head


def test_a_foreign_trace_is_refused(memory: Memory, tmp_path: Path) -> None:
    with filled(tmp_path / "other.db") as other:
        foreign = other.recall(texts(1)[0])
        with pytest.raises(UnknownTraceError):
            memory.feedback(foreign, outcome=1.0)


def test_replay_rebuilds_the_state_bit_for_bit(memory: Memory) -> None:
    teach(memory, 40)
    memory.judge("word1 word2", {"d1": 1, "d2": 0.5, "d3": 0})
    memory.refit()
    memory.link("d1", "d2", 0.5)
    memory.forget("d5", erase=False)
    teach(memory, 20, seed=9)
    memory.flush()
    rebuilt = replay(memory._log, Parts(()))
    assert rebuilt is not None
    assert rebuilt.snapshot()[1].hex() == memory.state_hash


def test_a_reopened_memory_goes_on_as_if_never_closed(tmp_path: Path) -> None:
    clock = SimulatedClock(1000.0)
    with filled(tmp_path / "a.db", clock=clock) as straight:
        teach(straight, 30)
        teach(straight, 30, seed=6)
        expected = straight.state_hash
    memory = filled(tmp_path / "b.db", clock=clock)
    teach(memory, 30)
    recall = memory.recall("word3 word4", log=False)
    memory.close()
    with Memory(tmp_path / "b.db", clock=clock) as memory:
        again = memory.recall("word3 word4", log=False)
        assert [(h.id, h.score) for h in again] == [(h.id, h.score) for h in recall]
        teach(memory, 30, seed=6)
        part = memory._state.learner.state()
    with Memory(tmp_path / "a.db", clock=clock) as straight:
        other = straight._state.learner.state()
        assert straight.state_hash == expected
    assert {k: v.tobytes() for k, v in part.items()} == {k: v.tobytes() for k, v in other.items()}


def test_an_open_trace_survives_a_restart(tmp_path: Path) -> None:
    memory = filled(tmp_path / "m.db")
    recall = memory.recall(texts(1)[0])
    memory.close()
    with Memory(tmp_path / "m.db") as memory:
        memory.feedback(recall.trace_id or "", used=[recall[0].id])
        assert memory.stats()["fed_back"] == 1


def test_forgetting_erases_every_copy(tmp_path: Path) -> None:
    canary = "canary-7f3a91"
    memory = filled(tmp_path / "m.db")
    id = memory.remember(f"the secret is {canary}", metadata={"note": canary}, id="secret")
    memory.recall("the secret")
    memory.flush()
    memory.snapshot()
    receipt = memory.forget(id)
    receipt.wait()
    assert id not in memory
    for file in tmp_path.iterdir():
        assert canary.encode() not in file.read_bytes(), file.name
    memory.verify()
    state = memory.state_hash
    memory.close()
    with Memory(tmp_path / "m.db") as memory:
        assert memory.state_hash == state
        assert id not in memory


def test_an_id_in_use_is_replaced(memory: Memory) -> None:
    memory.remember("entirely new words", id="d3")
    assert len(memory) == 60
    assert memory.get("d3")["text"] == "entirely new words"
    assert memory.recall("entirely new words")[0].id == "d3"


def test_a_filter_limits_recall_and_survives(tmp_path: Path) -> None:
    memory = filled(tmp_path / "m.db")
    shown = memory.recall(texts(1)[0], k=60, filter={"half": 1})
    assert {int(str(hit.id)[1:]) % 2 for hit in shown} == {1}
    memory.remember("late word1", id="late", metadata={"half": 1})
    memory.close()
    with Memory(tmp_path / "m.db") as memory:
        ids = [hit.id for hit in memory.recall("late word1", k=60, filter={"half": 1})]
        assert "late" in ids
        assert not memory.recall("x", filter={"half": 7}).hits
        chosen = memory.recall(texts(1)[0], k=60, filter={"sequence": ["talk 0", "talk 1"]})
        assert {int(str(hit.id)[1:]) // 10 for hit in chosen} == {0, 1}


def test_linked_memories_come_beside_the_hits(memory: Memory) -> None:
    memory.link("d7", "d50", 0.9)
    recall = memory.recall(texts(60)[7], k=1, vector=normal(1, 60, DIM)[7], max_linked=2)
    assert [hit.id for hit in recall.linked] == ["d50"]
    memory.feedback(recall, used=["d50"])


def test_rollback_unlearns_and_keeps_contents(tmp_path: Path) -> None:
    memory = filled(tmp_path / "m.db")
    teach(memory, 25)
    recall = memory.recall("word1")
    before = memory._state.learner.state()
    seq = memory.flush().seq
    memory.feedback(recall, outcome=1.0, principal="attacker")
    memory.remember("kept", id="kept")
    memory.rollback(seq)
    after = memory._state.learner.state()
    assert {k: v.tobytes() for k, v in before.items()} == {k: v.tobytes() for k, v in after.items()}
    assert "kept" in memory
    state = memory.state_hash
    memory.close()
    with Memory(tmp_path / "m.db") as memory:
        assert memory.state_hash == state


def test_rollback_of_one_principal_leaves_the_others(memory: Memory) -> None:
    for principal in ("good", "bad", "good"):
        recall = memory.recall("word1 word2")
        memory.feedback(recall, used=[recall[0].id], principal=principal)
    memory.rollback(0, principal="bad")
    assert memory.stats()["fed_back"] == 2


def test_a_crowd_of_newcomers_weighs_nothing_in_a_refit_where_others_taught(tmp_path: Path) -> None:
    def shares(memory: Memory) -> list[float]:
        return [trace.share for trace in memory._state.clicks]

    path = tmp_path / "m.db"
    with filled(path) as memory:
        teach(memory, 20)
        for i in range(60):
            recall = memory.recall(f"word{i} word{i // 2}")
            memory.feedback(recall, used=[recall[9].id], principal=f"fresh {i}")
        expected = shares(memory)
        assert sum(expected) == 20
        assert memory.refit().fitted
    with Memory(path) as memory:
        assert shares(memory) == expected


def test_a_newcomer_that_credits_nothing_takes_no_place_among_past_questions(
    memory: Memory,
) -> None:
    for i in range(5):
        recall = memory.recall(f"word{i}")
        memory.feedback(recall, outcomes={recall[0].id: 0.0}, principal="fresh")
    assert memory._state.learner.evidence.state()["next"][0] == 0
    memory.feedback(memory.recall("word9"), used=[], principal=None)
    assert memory._state.learner.evidence.state()["next"][0] == 1


def test_an_interrupted_change_is_made_up_from_the_log(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    recall = memory.recall("word1 word2")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(memory._state.learner), "click", interrupt)
    with pytest.raises(KeyboardInterrupt):
        memory.feedback(recall, used=[recall[0].id])
    monkeypatch.undo()
    assert memory.stats()["fed_back"] == 1
    assert memory.get(recall[0].id)["quality"] == 1.0


def test_closed_and_read_only_memories_refuse_by_name(tmp_path: Path) -> None:
    memory = filled(tmp_path / "m.db")
    memory.close()
    memory.close()
    with pytest.raises(ClosedMemoryError):
        memory.recall("x")
    with Memory(tmp_path / "m.db", mode="r") as reader:
        found = reader.recall(texts(1)[0])
        assert found.trace_id is None
        assert len(found) == 10
        with pytest.raises(ReadOnlyError):
            reader.remember("x")


def test_settings_that_contradict_the_file_are_refused(tmp_path: Path) -> None:
    filled(tmp_path / "m.db").close()
    with pytest.raises(ConfigError, match="dim=8"):
        Memory(tmp_path / "m.db", dim=8)


@pytest.mark.parametrize("jump", [365.25 * 86400, -365.25 * 86400])
def test_clock_jumps_do_no_harm(tmp_path: Path, jump: float) -> None:
    clock = SimulatedClock(2e9)
    with filled(tmp_path / "m.db", clock=clock) as memory:
        teach(memory, 5)
        clock.advance(jump)
        teach(memory, 5, seed=7)
        memory.flush()
        rebuilt = replay(memory._log, Parts(()))
        assert rebuilt is not None
        assert rebuilt.snapshot()[1].hex() == memory.state_hash


def test_explain_takes_a_recall_apart(memory: Memory) -> None:
    recall = memory.recall("word1 word2")
    assert memory.explain(recall).outcomes is None
    memory.feedback(recall, outcomes={recall[0].id: 0.5})
    told = memory.explain(recall).outcomes
    assert told is not None
    assert told[0] == 0.5
    assert told[1] is None
    assert str(memory.explain(recall)).startswith(str(recall.trace_id))


def test_lift_has_a_line_for_every_component(memory: Memory) -> None:
    teach(memory, 40)
    components = {line.component for line in memory.lift()}
    assert {"s:bm25", "e:near", "all evidence", "static weights"} <= components


def test_text_alone_takes_the_built_in_embedder(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db") as memory:
        memory.remember("the heater in the cellar needs new valves", id="heater")
        memory.remember("our cat sleeps on the radiator", id="cat")
        before = memory.recall("valve of the heating")
        assert before[0].id == "heater"
    with Memory(tmp_path / "m.db") as memory:
        assert memory.recall("valve of the heating")[0].id == "heater"
        assert memory.stats()["embedder"].startswith("hashed")


def test_a_space_of_the_callers_own_must_come_with_its_embedder(tmp_path: Path) -> None:
    def two_letters(texts: list[str]) -> F32Array:
        return np.array([[t.count("a") + 1.0, t.count("b") + 1.0] for t in texts], np.float32)

    with Memory(tmp_path / "m.db", embedder=two_letters) as memory:
        memory.remember("aaa")
    with pytest.raises(ConfigError, match="two_letters"):
        Memory(tmp_path / "m.db")
    with Memory(tmp_path / "m.db", embedder=two_letters) as memory:
        assert memory.recall("aa")[0].text == "aaa"


def test_a_file_of_older_kernels_goes_on_from_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = filled(tmp_path / "m.db")
    teach(memory, 25)
    memory.close()
    monkeypatch.setattr("engrain.memory.logged.KERNEL_EPOCH", KERNEL_EPOCH + 1)
    with Memory(tmp_path / "m.db") as memory:
        teach(memory, 5, seed=8)
        kinds = [event.type for event in memory._log.events()]
        state = memory.state_hash
    assert kinds.count("epoch_changed") == 1
    with Memory(tmp_path / "m.db") as memory:
        assert memory.state_hash == state


def test_a_joint_reward_is_shared_out_and_leaves_static_weights_alone(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=8, clock=SimulatedClock(1e9)) as memory:
        for i in range(20):
            memory.remember(f"word{i}", id=i, vector=normal(i, 1, 8)[0])
        for _ in range(30):
            memory.feedback(memory.recall("word3", 5, vector=normal(3, 1, 8)[0]), outcome=1.0)
        learner = memory._state.learner
        assert memory.get(3)["rewarded"] > 10
        assert sum(memory.get(i)["rewarded"] for i in range(20)) <= 30 + 1e-5
        static = ~learner.model.evidence_mask
        assert (learner.model.weights == learner.model.base)[static].all()
        assert (learner.model.weights != learner.model.base).any()
        assert (learner.control.weights == learner.control.base)[static].all()
        assert memory.lift()[0].n == 0
        before = memory.get(3)["rewarded"]
        memory.feedback(memory.recall("word3", 1, vector=normal(3, 1, 8)[0]), outcome=1.0)
        assert memory.get(3)["rewarded"] == before + 1
        assert memory.lift()[0].n == 1


def test_a_vector_is_held_by_the_index_alone(tmp_path: Path) -> None:
    vectors = normal(0, 1000, 384)
    with Memory(tmp_path / "m.db", dim=384) as memory:
        memory.remember("first", vector=vectors[0])
        memory.flush()
        tracemalloc.start()
        memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(vectors)])
        memory.flush()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < 1000 * 384 * 4
