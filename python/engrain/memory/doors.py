"""The checks at the public doors: arguments become plain values, or an error names them.

Nothing here changes any state.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array, as_floats
from engrain.base.errors import ConfigError, NonFiniteError, UnknownIdError
from engrain.base.ids import Id
from engrain.kernels.index import unit_of
from engrain.memory.catalog import Catalog
from engrain.memory.reorganisation import Change


def checked_text(value: Any, name: str = "text") -> str:
    """Return a text, "" for None; refuse other types and lone surrogates."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected str, got {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{name}: contains lone surrogates and cannot be stored") from None
    return value


def checked_name(value: Any, name: str) -> str | None:
    """Return an optional label such as source, sequence, session or principal as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | tuple) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{name}: expected str, int, tuple or None, got {type(value).__name__}")


def checked_metadata(value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as it will be read back from JSON."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"metadata: expected a mapping, got {type(value).__name__}")
    try:
        return dict(json.loads(json.dumps(dict(value), allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"metadata: only finite JSON values can be stored ({error})") from None


def checked_vector(value: Any, dim: int | None) -> F32Array:
    """Return a vector of unit length.

    Raises
    ------
    ShapeError, NonFiniteError
        As `engrain.base.arrays.as_vector`.
    ConfigError
        All zero: it points nowhere.
    """
    unit = unit_of(as_floats(value, dim))
    if unit is None:
        raise ConfigError("vector: all zero, it points nowhere; leave it out")
    return unit


def checked_number(value: Any, name: str) -> float:
    """Return a finite float."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    if not math.isfinite(value):
        raise NonFiniteError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def checked_share(value: Any, name: str) -> float:
    """Return a float in [0, 1]."""
    number = checked_number(value, name)
    if not 0.0 <= number <= 1.0:
        raise ConfigError(f"{name}: expected a number in [0, 1], got {number!r}")
    return number


def checked_count(value: Any, name: str, least: int = 0) -> int:
    """Return an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected int, got {type(value).__name__}")
    if value < least:
        raise ConfigError(f"{name}: expected at least {least}, got {value}")
    return int(value)


def shown_outcomes(
    catalog: Catalog,
    shown: I64Array,
    outcomes: Mapping[Id, float] | None,
    used: Collection[Id] | None,
    outcome: float | None,
) -> F32Array:
    """Return one outcome in [0, 1] per shown memory, NaN where nothing was said.

    `outcomes` speaks of each id it names; `used` of all shown: those named are worth `outcome`
    (1 by default), the others 0; `outcome` alone is one joint reward for all shown.

    Raises
    ------
    ConfigError
        Nothing is said, or `outcomes` beside `used` or `outcome`.
    UnknownIdError
        An id that was not shown in this trace.
    """
    told = np.zeros(len(shown), np.float32)
    if (outcomes is None) == (used is None and outcome is None):
        raise ConfigError("feedback: give outcomes=, or used= and/or outcome=, or text=")
    if outcomes is None and used is None:
        return np.full(len(shown), checked_share(outcome, "outcome"), np.float32)
    if used is not None:
        worth = 1.0 if outcome is None else checked_share(outcome, "outcome")
        values = dict.fromkeys(used, worth)
    elif isinstance(outcomes, Mapping):
        values = {
            id: x if type(x) is float and 0.0 <= x <= 1.0 else checked_share(x, f"outcomes[{id!r}]")
            for id, x in outcomes.items()
        }
        told.fill(np.nan)
    else:
        raise TypeError(f"outcomes: expected a mapping of id to number, got {outcomes!r}")
    places = {id: place for place, id in enumerate(catalog.ids(shown))}
    for id, value in values.items():
        place = places.get(id)
        if place is None:
            raise UnknownIdError(id, "the memories shown in this trace")
        told[place] = value
    return told


def judged_grades(catalog: Catalog, grades: Mapping[Id, float]) -> tuple[I64Array, F32Array]:
    """Return handles (ascending) and grades, at least 0, of a judgment.

    Raises
    ------
    ConfigError
        Nothing is judged, or a grade is negative.
    UnknownIdError
        An id that the memory does not hold.
    """
    if not isinstance(grades, Mapping) or not grades:
        raise ConfigError("judge: expected a mapping of at least one id to its grade")
    found = {catalog.handle(id): checked_number(g, f"grade of {id!r}") for id, g in grades.items()}
    negative = [catalog.id(handle) for handle, grade in found.items() if grade < 0]
    if negative:
        raise ConfigError(f"judge: grades are at least 0, got less for {negative[0]!r}")
    handles = np.array(sorted(found), np.int64)
    return handles, np.array([found[h] for h in handles.tolist()], np.float32)


def checked_extras(
    quality: float | None,
    latency_ms: float | None,
    target_latency_ms: float | None,
    model_tier: int | None,
    context_tokens: int | None,
) -> dict[str, float | int]:
    """Return what feedback says beside outcomes, without what it leaves open."""
    extras: dict[str, float | int] = {}
    if quality is not None:
        extras["quality"] = checked_share(quality, "quality")
    times = {"latency_ms": latency_ms, "target_latency_ms": target_latency_ms}
    for name, value in times.items():
        if value is not None:
            extras[name] = checked_number(value, name)
            if extras[name] <= 0:
                raise ConfigError(f"{name}: expected milliseconds above 0, got {value!r}")
    for name, count in {"model_tier": model_tier, "context_tokens": context_tokens}.items():
        if count is not None:
            extras[name] = checked_count(count, name)
    return extras


def check_change(catalog: Catalog, change: Change) -> None:
    """Refuse a reorganisation that speaks of what is not there, or of a memory and itself."""
    pairs = np.concatenate([change.ends, change.merged, change.parted])
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise ConfigError("reorganise: a memory cannot be linked to or merged with itself")
    if not ((change.after >= 0) & (change.after <= 1)).all():
        raise ConfigError("reorganise: expected weights in [0, 1]")
    for handle in np.unique(np.concatenate([pairs.ravel(), change.faded, change.revived])).tolist():
        if not 0 <= handle < len(catalog.records):
            raise UnknownIdError(handle)
        catalog.record(handle)
