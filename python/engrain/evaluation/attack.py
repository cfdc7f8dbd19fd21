"""A poisoning attempt on copies of a taught memory, with and without the guard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engrain.base.clock import SimulatedClock
from engrain.evaluation.demo_plan import Plan, Request
from engrain.evaluation.subject import FIRST_DAY
from engrain.memory import Memory
from engrain.storage import backup

RATE = 0.1
ASKED = 800


def attack(plan: Plan, path: Path) -> dict[str, Any]:
    """Point to one memory after a tenth as many requests as were taught, and see who is misled.

    The attacker takes honest questions and claims that its memory answers them: once under its own
    name, whose influence is bounded, and once as the owner of the memory, which is the same attack
    without the guard. Exposure is measured on questions that it does not answer.
    """
    rng = np.random.default_rng(7)
    target = plan.functions[int(rng.integers(len(plan.functions)))]
    fresh = [*plan.overlap, *plan.no_overlap]
    asked = [fresh[i] for i in rng.permutation(len(fresh))[:ASKED].tolist()]
    unrelated = [request for request in asked if request.function != target.name]
    praises = round(RATE * len(plan.taught))
    questions = [plan.taught[i].text for i in rng.integers(len(plan.taught), size=praises).tolist()]
    result: dict[str, Any] = {"rate": RATE, "praises": praises, "target": target.name}
    principals = {"guarded": "attacker", "unguarded": None}
    with TemporaryDirectory(prefix="engrain-demo-") as folder:
        for kind, principal in principals.items():
            copy = Path(folder) / f"{kind}.db"
            backup(path, copy)
            with Memory(copy, clock=SimulatedClock(FIRST_DAY)) as memory:
                if "before" not in result:
                    result["before"] = exposure(memory, unrelated, target.name)
                for question in questions:
                    memory.judge(question, {target.name: 1.0}, principal=principal)
                result[kind] = exposure(memory, unrelated, target.name)
    return result


def exposure(memory: Memory, asked: Sequence[Request], target: str) -> dict[str, float]:
    """Return how often the target is among the first five, and how often the right answer is."""
    shown = [
        {hit.id for hit in memory.recall(request.text, 5, log=False).hits} for request in asked
    ]
    return {
        "top5_share": float(np.mean([target in ids for ids in shown])),
        "recall5": float(
            np.mean([request.function in ids for request, ids in zip(asked, shown, strict=True)])
        ),
    }
