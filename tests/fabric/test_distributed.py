from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.fabric.small import motion, parameters, trainer

PROGRAM = """
import sys, torch, torch.distributed as dist
sys.path.insert(0, sys.argv[3])
torch.set_num_threads(1)
rank = int(sys.argv[1])
dist.init_process_group("gloo", rank=rank, world_size=2, init_method=f"tcp://127.0.0.1:{sys.argv[2]}")
from tests.fabric.small import motion, parameters, trainer
t = trainer(seed=0, time_steps=6)
for batch in motion(2):
    t.train_step(batch[2 * rank : 2 * rank + 2])
print(",".join(x.hex() for x in parameters(t).double().tolist()))
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_does_from_the_whole_batch() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))  # noqa: PTH100, PTH118, PTH120
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(rank), str(port), root],
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    outputs = [run.communicate(timeout=120)[0].strip().splitlines()[-1] for run in runs]
    assert outputs[0] == outputs[1]
    alone = trainer(seed=0)
    for batch in motion(2):
        alone.train_step(batch)
    got = [float.fromhex(x) for x in outputs[0].split(",")]
    assert max(abs(a - b) for a, b in zip(got, parameters(alone).tolist(), strict=True)) < 1e-4
