"""Drawn parts: the same seed gives the same part, and only the defect tells the label."""

import numpy as np
import pytest

from edge.core.metrics import area_under_roc
from edge.simulation.parts import DEFECT_KINDS, PartRenderer

RENDERER = PartRenderer(seed=5, size=160)


def test_a_part_depends_on_its_number_and_not_on_the_order() -> None:
    forward = [RENDERER.render(index).image for index in range(5)]
    backward = [PartRenderer(seed=5, size=160).render(index).image for index in reversed(range(5))]
    assert all(np.array_equal(a, b) for a, b in zip(forward, reversed(backward), strict=True))


def test_another_seed_draws_another_part() -> None:
    assert not np.array_equal(RENDERER.render(0).image, PartRenderer(seed=6, size=160).render(0).image)


@pytest.mark.parametrize("kind", DEFECT_KINDS)
def test_a_defect_changes_a_small_place_and_nothing_else(kind: str) -> None:
    for index in range(30):
        good, bad = RENDERER.render(index, kind="ok"), RENDERER.render(index, kind=kind)
        assert (good.label, bad.label, bad.kind) == ("ok", "defect", kind)
        changed = np.abs(good.image.astype(int) - bad.image.astype(int)) > 8
        assert 6 <= changed.sum() < 0.08 * changed.size, f"part {index}"


def test_about_as_many_parts_are_defective_as_asked_for() -> None:
    labels = [PartRenderer(seed=1, size=64, defect_rate=0.3).render(i).label for i in range(400)]
    assert 0.22 < labels.count("defect") / 400 < 0.38


@pytest.mark.parametrize("measure", ["brightness", "border"])
def test_neither_brightness_nor_background_tells_the_label(measure: str) -> None:
    def value(index: int, kind: str) -> float:
        image = RENDERER.render(index, kind=kind).image
        return float(image.mean() if measure == "brightness" else image[:12].mean())

    good = [value(index, "ok") for index in range(150)]
    bad = [value(index, "defect") for index in range(150, 300)]
    area = area_under_roc(bad, good)
    assert area is not None
    assert 0.38 < area < 0.62


@pytest.mark.parametrize("arguments", [{"seed": -1}, {"seed": 1, "size": 10}, {"seed": 1, "defect_rate": 2}])
def test_wrong_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="seed must be"):
        PartRenderer(**arguments)  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused_with_what_is_known() -> None:
    with pytest.raises(ValueError, match="blow_hole"):
        RENDERER.render(0, kind="dent")
