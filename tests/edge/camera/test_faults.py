"""Each fault of a picture has its name; good pictures have none."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.camera.faults import PictureJudge, judge_bottom, measure_sharpness, sample
from edge.core.images import Image
from edge.settings.camera import CameraSettings
from edge.simulation.parts import PartRenderer

Spoil = Callable[[Image], NDArray[np.uint8]]


def scene(seed: int = 0, *, part: bool = True) -> Image:
    """A belt with or without a part, 640x480, with a sensor's noise."""
    picture = np.full((480, 640), 70, np.float32)
    if part:
        cv2.circle(picture, (320, 240), 150, 170, -1)
    noise = np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.asarray((picture + noise).clip(0, 255), np.uint8)


def judged(*images: Image, **settings: object) -> list[str | None]:
    judge = PictureJudge(CameraSettings.model_validate(settings))
    faults = [judge.judge(image) for image in images]
    return [None if fault is None else fault.name for fault in faults]


def noisy(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(9).normal(0, 1.5, picture.shape)
    return np.asarray((picture + noise).clip(0, 255), np.uint8)


def blurred(image: Image, sigma: float = 5) -> NDArray[np.uint8]:
    return noisy(np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8))


def smeared(image: Image) -> NDArray[np.uint8]:
    image = image.copy()
    image[300:] = image[299]
    return image


def grey_below(image: Image) -> NDArray[np.uint8]:
    image = image.copy()
    image[250:] = 128
    return image


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("black", lambda image: image // 16),
        ("washed out", lambda image: 240 + image // 20),
        ("blurred", blurred),
        ("half decoded", smeared),
        ("half decoded", grey_below),
        ("wrong size", lambda image: image[::2, ::2]),
    ],
)
def test_a_spoilt_picture_has_the_name_of_its_fault_in_grey_and_colour(name: str, spoil: Spoil) -> None:
    good, bad = scene(0), spoil(scene(1))
    assert judged(good, bad, scene(2)) == [None, name, None]
    colour = [cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) for image in (good, np.ascontiguousarray(bad))]
    assert judged(*[np.asarray(image, np.uint8) for image in colour]) == [None, name]


def test_the_same_picture_over_and_over_is_a_freeze_and_a_new_one_ends_it() -> None:
    still = scene(0)
    assert judged(still, still, still, scene(1), freeze_frames=2) == [None, None, "freeze", None]


def test_an_empty_still_belt_is_no_freeze_for_the_sensor_has_noise() -> None:
    assert judged(*[scene(seed, part=False) for seed in range(30)]) == [None] * 30


def test_the_size_of_the_settings_counts_where_it_is_given() -> None:
    assert judged(scene(0), width=1280, height=720) == ["wrong size"]


def test_every_fault_but_the_size_can_be_switched_off() -> None:
    off = {"black_below": 0, "washed_out_above": 255, "blurred_below": 0}
    off |= {"half_decoded_from": 0, "freeze_frames": 0}
    flat = [np.full((480, 640), level, np.uint8) for level in (0, 128, 255)]
    assert judged(*flat * 20, smeared(scene()), **off) == [None] * 61


def test_white_paper_below_a_part_is_no_half_decoded_picture() -> None:
    image = scene()
    image[350:] = 255
    assert judged(image) == [None]


def test_a_picture_without_clear_steps_gets_no_judgement_of_its_sharpness() -> None:
    assert measure_sharpness(scene(part=False)) is None
    assert measure_sharpness(np.full((8, 8), 9, np.uint8)) is None


def test_the_more_blur_the_less_sharpness() -> None:
    values = [measure_sharpness(blurred(scene(), sigma)) or 0 for sigma in (0.5, 1, 2, 4)]
    assert values == sorted(values, reverse=True)


def test_a_larger_picture_through_the_same_lens_is_not_blurred() -> None:
    large = np.asarray(cv2.resize(scene(), (2560, 1920)), np.uint8)
    assert judged(blurred(large, sigma=4)) == [None]


def test_the_simulated_parts_are_good_pictures() -> None:
    renderer = PartRenderer(seed=3)
    assert judged(*[renderer.render(number).image for number in range(50)]) == [None] * 50


@given(st.integers(8, 300), st.integers(8, 300), st.booleans(), st.integers(0, 255))
def test_any_picture_can_be_judged(height: int, width: int, colour: bool, level: int) -> None:
    image = np.full((height, width, 3) if colour else (height, width), level, np.uint8)
    judged(image, image)
    judge_bottom(sample(image), 0.1)
