"""The part is found wherever it lies, however large it is; a picture without one is said to have none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.core.errors import ImageError
from edge.core.locate import STRIP_WRAP, crop_part, find_part, find_ring, unroll_ring
from edge.core.preprocess import InputSpec, Locate, preprocess

FRAME = 300
FINE = 4  # rendered so many times larger, then averaged
SPEC = InputSpec(width=64, height=64, channels=1, locate="part")
STRIP = InputSpec(width=160, height=40, channels=1, locate="ring")

Picture = NDArray[np.uint8]
places = st.integers(-25, 25)
sizes = st.integers(70, 110)


def ring(
    *,
    x: float = 150,
    y: float = 150,
    radius: float = 100,
    squeezed: float = 1,
    turned: float = 0,
    light: float = 0,
    shade: int = 190,
) -> Picture:
    """A disc with a hole, one dark mark at ``turned`` degrees; ``light`` falls off by so much."""
    ramp = np.linspace(-light, light, FRAME * FINE, dtype=np.float32)[np.newaxis]
    picture = np.full((FRAME * FINE, FRAME * FINE), 110, np.float32) + ramp

    def ellipse(size: float, value: float) -> None:
        axes = round(size * FINE), round(size * squeezed * FINE)
        cv2.ellipse(picture, (round(x * FINE), round(y * FINE)), axes, 0, 0, 360, value, -1)

    ellipse(radius, shade)
    ellipse(radius * 0.5, 40)
    angle = np.deg2rad(turned)
    mark = x + np.cos(angle) * radius * 0.75, y + np.sin(angle) * radius * 0.75 * squeezed
    cv2.circle(picture, (round(mark[0] * FINE), round(mark[1] * FINE)), round(radius * FINE * 0.1), 20, -1)
    return np.asarray(cv2.resize(picture, (FRAME, FRAME), interpolation=cv2.INTER_AREA), np.uint8)


def bracket(*, x: int = 0, y: int = 0, size: float = 1) -> Picture:
    """An angle of sheet metal, dark on a bright ground; it is not round."""
    corners = np.array([(0, 0), (150, 0), (150, 45), (50, 45), (50, 110), (0, 110)], np.float64)
    points = ((corners * size + (70 + x, 90 + y)) * FINE).round().astype(np.int32)
    picture = np.full((FRAME * FINE, FRAME * FINE), 220, np.uint8)
    cv2.fillPoly(picture, [points], 90)
    return np.asarray(cv2.resize(picture, (FRAME, FRAME), interpolation=cv2.INTER_AREA), np.uint8)


def difference(first: Picture, second: Picture) -> float:
    """Grey levels, on average."""
    return float(np.abs(first.astype(np.float32) - second).mean())


@given(x=places, y=places, radius=sizes, squeezed=st.floats(0.85, 1.1))
@settings(max_examples=30, deadline=None)
def test_the_outline_of_a_round_part_is_found_to_a_pixel(
    x: int, y: int, radius: int, squeezed: float
) -> None:
    found = find_ring(ring(x=150 + x, y=150 + y, radius=radius, squeezed=squeezed))
    assert np.abs(found.centre - (150 + x, 150 + y)).max() < 1.5
    assert np.abs(found.axes - np.diag([radius, radius * squeezed])).max() < 2.5


@given(x=places, y=places, size=st.floats(0.6, 1.2))
@settings(max_examples=30, deadline=None)
def test_a_part_gives_the_same_picture_wherever_it_lies_and_however_large_it_is(
    x: int, y: int, size: float
) -> None:
    assert difference(preprocess(bracket(x=x, y=y, size=size), SPEC), preprocess(bracket(), SPEC)) < 9


@given(x=places, y=places, radius=sizes, squeezed=st.floats(0.9, 1.1))
@settings(max_examples=30, deadline=None)
def test_a_round_part_gives_the_same_strip_wherever_it_lies_and_however_large_it_is(
    x: int, y: int, radius: int, squeezed: float
) -> None:
    moved = ring(x=150 + x, y=150 + y, radius=radius, squeezed=squeezed)
    assert difference(preprocess(moved, STRIP), preprocess(ring(), STRIP)) < 8


@given(turned=st.integers(0, 359))
@settings(max_examples=30, deadline=None)
def test_a_turned_part_gives_the_strip_moved_along(turned: int) -> None:
    once = slice(4, 156)  # without what is shown twice
    straight, moved = (preprocess(ring(turned=angle), STRIP)[:, once, 0] for angle in (0, turned))
    assert difference(np.roll(straight, round(turned / 360 * 152), axis=1), moved) < 4


def test_what_the_seam_cuts_is_whole_at_one_end() -> None:
    strip = unroll_ring(ring(turned=0), width=160, height=40)
    wrap = round(strip.shape[1] * STRIP_WRAP)
    turn = strip.shape[1] - 2 * wrap
    assert difference(strip[:, : 2 * wrap], strip[:, turn:]) < 4


def test_uneven_light_and_a_soft_shadow_do_not_move_the_outline() -> None:
    picture = ring(light=5).astype(np.float32)
    shadow = np.zeros((FRAME, FRAME), np.float32)
    cv2.circle(shadow, (165, 165), 105, 105, -1)
    ground = np.abs(ring().astype(np.float32) - 110) < 2
    picture -= cv2.GaussianBlur(shadow, (0, 0), 8) * ground
    shaded = np.clip(picture, 0, 255).astype(np.uint8)
    assert np.abs(find_ring(shaded).centre - 150).max() < 2
    box = find_part(shaded)
    assert (box.left, box.top, box.left + box.width, box.top + box.height) == pytest.approx(
        (50, 50, 250, 250), abs=6
    )


def test_a_faint_pattern_of_the_ground_is_not_the_part() -> None:
    picture = ring(radius=50).astype(np.int32)
    ground = np.abs(picture - 110) < 2
    picture[:, ::40] += 5 * ground[:, ::40]
    picture[130:134] += 5 * ground[130:134]
    striped = picture.astype(np.uint8)
    assert np.abs(find_ring(striped).centre - 150).max() < 2
    assert find_part(striped).width == pytest.approx(100, abs=6)


def test_a_part_that_the_frame_cuts_off_is_found() -> None:
    found = find_ring(ring(x=75))
    assert np.abs(found.centre - (75, 150)).max() < 3
    box = find_part(bracket(x=-90))
    assert box.left == 0
    assert 126 <= box.width <= 134


def test_dark_on_bright_is_a_part_like_bright_on_dark() -> None:
    box, other = find_part(bracket()), find_part(255 - bracket())
    assert box == other


def test_a_part_that_differs_in_colour_alone_is_found() -> None:
    grey = bracket() > 150
    picture = np.where(grey[..., np.newaxis], (200, 60, 60), (60, 131, 60)).astype(np.uint8)
    assert find_part(picture) == find_part(bracket())


@pytest.mark.parametrize("locate", ["part", "ring"])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_even_picture_has_no_part(locate: Locate, value: int) -> None:
    spec = STRIP.model_copy(update={"locate": locate})
    with pytest.raises(ImageError, match="found in the picture"):
        preprocess(np.full((200, 300), value, np.uint8), spec)


def test_a_part_that_is_not_round_has_no_ring() -> None:
    with pytest.raises(ImageError, match="no round part"):
        find_ring(bracket())


def test_a_grey_picture_gives_the_same_bytes_as_its_three_channels() -> None:
    three = np.repeat(ring()[:, :, np.newaxis], 3, axis=2)
    for spec in (SPEC, STRIP):
        assert np.array_equal(preprocess(three, spec), preprocess(ring(), spec))


def test_the_square_shows_the_whole_part_with_a_margin() -> None:
    square = crop_part(bracket())
    assert square.shape[0] == square.shape[1]
    assert 160 <= len(square) <= 172
    assert (square < 150).any(axis=0).sum() >= 149


@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    channels=st.sampled_from([1, 3]),
    kind=st.sampled_from(["noise", "dots", "stripes", "disc", "half"]),
    locate=st.sampled_from(["part", "ring"]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=150, deadline=None)
def test_any_picture_gives_the_shape_that_was_asked_for_or_an_image_error(
    height: int, width: int, channels: int, kind: str, locate: Locate, seed: int
) -> None:
    picture = _odd_picture(kind, height, width, np.random.default_rng(seed))
    image = picture if channels == 1 else np.repeat(picture[:, :, np.newaxis], 3, axis=2)
    before = image.copy()
    spec = InputSpec(width=48, height=32, channels=1 if seed % 2 else 3, locate=locate)
    try:
        pixels = preprocess(image, spec)
    except ImageError:
        return
    assert pixels.shape == (32, 48, spec.channels)
    assert pixels.dtype == np.uint8
    assert np.array_equal(image, before)


def test_a_manifest_that_says_nothing_of_locating_shows_the_whole_frame() -> None:
    spec = InputSpec.model_validate({"width": 300, "height": 300, "channels": 1})
    assert spec.locate == "none"
    assert np.array_equal(preprocess(bracket(), spec)[:, :, 0], bracket())


def _odd_picture(kind: str, height: int, width: int, chance: np.random.Generator) -> Picture:
    picture = np.zeros((height, width), np.uint8)
    if kind == "noise":
        picture[:] = chance.integers(0, 256, (height, width))
    elif kind == "dots":
        picture[chance.random((height, width)) > 0.99] = 255
    elif kind == "stripes":
        picture[:, :: int(chance.integers(1, 9))] = 255
    elif kind == "half":
        picture[: height // 2] = 255
    else:
        centre = int(chance.integers(0, width)), int(chance.integers(0, height))
        cv2.circle(picture, centre, int(chance.integers(0, 400)), 255, -1)
    return picture
