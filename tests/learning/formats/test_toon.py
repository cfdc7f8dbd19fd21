from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.learning.formats import ToonError, decode_toon, encode_toon

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
flat = st.dictionaries(st.sampled_from(["a", "b c", "d.e"]), scalars, min_size=1, max_size=3)
json_values = st.recursive(
    scalars | st.lists(flat, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are equal as JSON: numbers by value, everything else by type."""
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or a is None:
        return type(a) is type(b) and a == b
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


def fixtures(data: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    files = sorted((data / "toon_fixtures" / kind).glob("*.json"))
    return [(f.stem, case) for f in files for case in json.loads(f.read_text("utf-8"))["tests"]]


def options(case: dict[str, Any]) -> dict[str, Any]:
    names = {"indentSize": "indent", "delimiter": "delimiter", "strict": "strict"}
    return {names[key]: value for key, value in (case.get("options") or {}).items()}


def test_encoder_passes_every_fixture(data: Path) -> None:
    cases = fixtures(data, "encode")
    failed = [
        f"{name}: {case['name']}"
        for name, case in cases
        if encode_toon(case["input"], **options(case)) != case["expected"]
    ]
    assert len(cases) == 173
    assert failed == []


def test_decoder_passes_every_fixture(data: Path) -> None:
    cases = fixtures(data, "decode")
    failed = []
    for name, case in cases:
        try:
            outcome = json.dumps(decode_toon(case["input"], **options(case)))
            passed = not case.get("shouldError") and outcome == json.dumps(case["expected"])
        except ToonError:
            passed = bool(case.get("shouldError"))
        if not passed:
            failed.append(f"{name}: {case['name']}")
    assert len(cases) == 343
    assert failed == []


@given(value=json_values, delimiter=st.sampled_from([",", "\t", "|"]), indent=st.integers(1, 4))
def test_any_json_survives_the_round_trip(value: Any, delimiter: str, indent: int) -> None:
    text = encode_toon(value, delimiter=delimiter, indent=indent)
    assert same(decode_toon(text, indent=indent), value)
    assert not any(line.endswith(" ") for line in text.split("\n"))


@given(value=json_values)
def test_text_is_what_python_toon_writes_and_reads(value: Any) -> None:
    peer = pytest.importorskip("toon")
    text = encode_toon(value)
    assert same(peer.decode(text), value)
    assert same(decode_toon(peer.encode(value)), value)


def test_numbers_that_json_lacks_become_null() -> None:
    assert encode_toon([math.nan, math.inf, -0.0, 1e300, 1e16]) == (
        "[5]: null,null,0,1e+300,10000000000000000"
    )


def test_errors_name_the_line() -> None:
    with pytest.raises(ToonError, match="line 3") as error:
        decode_toon("a: 1\nb: 2\n   c: 3")
    assert error.value.line == 3
    with pytest.raises(ToonError, match="UTF-8"):
        decode_toon(b"a: \xff")


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        encode_toon({"a": {1, 2}})
    with pytest.raises(TypeError, match="keys are str"):
        encode_toon({"a": {1: 2}})
    with pytest.raises(ConfigError):
        encode_toon([], delimiter=";")
