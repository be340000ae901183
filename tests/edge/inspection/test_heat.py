"""Hot places of a heatmap are shown on the frame where the model saw them."""

import cv2
import numpy as np
import pytest

from edge.core.images import Image
from edge.core.preprocess import InputSpec, Region, preprocess
from edge.inspection.heat import heat_on_frame, hottest
from tests.edge.core.test_locate import bracket, ring

PLACES = 8
PLAIN = np.full((240, 320), 120, np.uint8)
SPECS = {
    "whole": (PLAIN, InputSpec(width=64, height=64, channels=1)),
    "region": (
        PLAIN,
        InputSpec(width=64, height=48, channels=1, region=Region(x=40, y=16, width=200, height=180)),
    ),
    "letterbox": (PLAIN, InputSpec(width=64, height=64, channels=1, fit="letterbox")),
    "part": (bracket(x=20, y=-10), InputSpec(width=64, height=64, channels=1, locate="part")),
    "ring": (ring(x=140, y=160, squeezed=0.9), InputSpec(width=160, height=40, channels=1, locate="ring")),
}


def heatmap(row: int, column: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    found = np.full((PLACES, PLACES), -2.0, np.float32)
    found[row, column] = 5.0
    return found


def dotted(image: Image, x: int, y: int) -> Image:
    return np.asarray(cv2.circle(image.copy(), (x, y), 2, 255, -1), np.uint8)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize(("row", "column"), [(2, 3), (4, 5), (5, 2)])
def test_a_dot_on_the_hottest_place_is_what_the_model_sees_there(kind: str, row: int, column: int) -> None:
    image, spec = SPECS[kind]
    place = hottest(heat_on_frame(heatmap(row, column), image, spec), image)
    assert place is not None
    change = cv2.absdiff(preprocess(dotted(image, *place), spec), preprocess(image, spec)).reshape(
        spec.height, spec.width
    )
    seen_row, seen_column = divmod(int(change.argmax()), spec.width)
    assert change.max() > 8
    assert abs((seen_row + 0.5) / spec.height * PLACES - (row + 0.5)) <= 0.6
    assert abs((seen_column + 0.5) / spec.width * PLACES - (column + 0.5)) <= 0.6


def test_what_the_model_was_not_shown_is_cold() -> None:
    image, spec = SPECS["region"]
    heat = heat_on_frame(np.full((PLACES, PLACES), 9.0, np.float32), image, spec)
    assert heat.shape == (120, 160)
    assert heat[:8].max() == 0
    assert heat[:, :20].max() == 0
    assert heat[20:80, 30:100].min() == 255


def test_nothing_is_hot_where_nothing_speaks_for_a_defect() -> None:
    image, spec = SPECS["whole"]
    heat = heat_on_frame(np.full((PLACES, PLACES), -1.0, np.float32), image, spec)
    assert heat.max() == 0
    assert hottest(heat, image) is None


def test_a_map_without_a_number_is_cold_rather_than_an_error() -> None:
    image, spec = SPECS["whole"]
    assert heat_on_frame(np.full((PLACES, PLACES), np.nan, np.float32), image, spec).max() == 0
