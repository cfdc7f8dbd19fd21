from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engrain.loops import neighbours
from engrain.loops.material import Material
from engrain.loops.survey import Survey
from tests.loops.planted import archive


def part(material: Material, rows: np.ndarray) -> Material:
    names = ("handles", "vectors", "accesses", "quality", "created", "accessed", "faded")
    return replace(material, **{name: getattr(material, name)[rows] for name in names})


def overlap(one: Survey, other: Survey) -> float:
    pairs = zip(one.graph.rows, other.graph.rows, strict=True)
    return float(np.mean([len({*a} & {*b}) / len(b) for a, b in pairs]))


@pytest.mark.parametrize("exact", [20_000, 100])
def test_an_update_finds_what_a_full_survey_finds(
    exact: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "EXACT", exact)
    material = archive(0, 600).material()
    gone, new = np.arange(0, 600, 50), np.arange(570, 600)
    before = part(material, np.setdiff1d(np.arange(600), new))
    after = part(material, np.setdiff1d(np.arange(600), gone))
    updated = Survey.full(before, 8, 0).updated(after, np.array([7, 13]))
    full = Survey.full(after, 8, 0)
    assert overlap(updated, full) > 0.97
    assert (updated.graph.cosines[:, 1:] <= updated.graph.cosines[:, :-1]).all()
    looked = set(after.handles[updated.looked_at].tolist())
    assert looked == {7, 13, *range(570, 600)} - set(gone.tolist())
    assert (updated.domains.prototype_of >= 0).all()


def test_a_survey_is_saved_and_known_to_fit(tmp_path: Path) -> None:
    material = archive(1, 300).material()
    survey = Survey.full(material, 8, 0)
    survey.save(tmp_path / "survey")
    opened = Survey.open(tmp_path / "survey")
    assert opened is not None
    np.testing.assert_array_equal(opened.graph.rows, survey.graph.rows)
    np.testing.assert_array_equal(opened.domains.memories(), survey.domains.memories())
    assert opened.fits(material)
    assert opened.fits(part(material, np.arange(290)))
    assert not opened.fits(part(material, np.arange(200)))
    assert not opened.fits(replace(material, vectors=material.vectors[:, :8].copy()))
    assert Survey.open(tmp_path / "none") is None
