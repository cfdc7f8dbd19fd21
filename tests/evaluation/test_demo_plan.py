from __future__ import annotations

from engrain.evaluation.corpus import read_functions, standard_library
from engrain.evaluation.demo_plan import TAUGHT, make_plan


def test_the_plan_keeps_second_sentences_for_the_test() -> None:
    functions = read_functions(standard_library() / "asyncio")
    plan = make_plan(functions)
    chosen = {request.function for request in plan.overlap}
    assert {request.function for request in plan.taught} == chosen
    assert not chosen & {request.function for request in plan.no_overlap}
    assert abs(len(plan.overlap) - len(plan.no_overlap)) <= 1
    by_name = {f.name: f for f in functions}
    for request in [*plan.overlap, *plan.no_overlap]:
        assert request.text == by_name[request.function].sentences[1]
    for request in plan.taught:
        sentences = by_name[request.function].sentences
        assert request.text in [sentences[i] for i in TAUGHT if i < len(sentences)]
    assert make_plan(functions) == plan
    assert make_plan(functions, seed=2) != plan
