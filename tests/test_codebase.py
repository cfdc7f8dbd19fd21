from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import engrain


def test_importing_engrain_loads_no_heavy_package() -> None:
    program = (
        "import sys, json, engrain, engrain.memory, engrain.kernels;"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert not loaded & {"torch", "scipy", "pandas", "sqlalchemy", "fastapi", "typer", "rich"}


def test_only_the_facade_imports_compiled_modules() -> None:
    package = Path(engrain.__file__).parent
    compiled = {path.name.partition(".")[0] for path in package.glob("*.so")}
    assert "_kernels" in compiled
    for path in package.rglob("*.py"):
        if path.is_relative_to(package / "kernels"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {alias.name for alias in getattr(node, "names", [])}
            names |= set((getattr(node, "module", None) or "").split("."))
            assert not names & compiled, path
