"""Fuzz one target with atheris: ``python -m tests.fuzz.run TARGET [libFuzzer options]``."""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

# What is imported here tells the fuzzer which of its lines an input reached.
with atheris.instrument_imports(include=["engrain", "tests.fuzz"]):
    from tests.fuzz.reading import Bytes
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, lambda data: target(Bytes(data)))
    atheris.Fuzz()
