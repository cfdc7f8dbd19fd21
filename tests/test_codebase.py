from __future__ import annotations

import json
import subprocess
import sys


def test_importing_engrain_loads_no_heavy_package() -> None:
    program = (
        "import sys, json, engrain, engrain.memory, engrain.kernels;"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert not loaded & {"torch", "scipy", "pandas", "sqlalchemy", "fastapi", "typer", "rich"}
