"""A class that is another one's mirror image, or its darker twin, must not be learned with such changes."""

import cv2
import numpy as np
import pytest

from tests.trainer.makers import make_dataset, spots
from trainer.augment import BRIGHTNESS, CONTRAST, FLIP, KINDS, ROTATION
from trainer.augmentation_check import find_harmful_augmentations, warn_of_harmful_augmentations

COUNT, SIDE = 80, 64
ALL = np.arange(COUNT)


def arrow(generator: np.random.Generator, *, points_right: bool) -> np.ndarray:
    """An arrow with a thick tail, a little moved, in light of its own."""
    image = np.full((SIDE, SIDE), generator.uniform(60, 160), np.float32)
    x, y = (int(value) for value in generator.integers(-2, 3, 2))
    corners = [(10, 26), (34, 26), (34, 14), (54, 32), (34, 50), (34, 38), (10, 38)]
    shape = np.array([(a + x, b + y) for a, b in corners], np.int32)
    cv2.fillPoly(image, [shape], float(image[0, 0]) + 60)
    return image if points_right else image[:, ::-1]


def noisy(images: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    stacked = np.stack(images)[..., np.newaxis]
    return (stacked + generator.normal(0, 5, stacked.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def arrows() -> np.ndarray:
    generator = np.random.default_rng(1)
    return noisy([arrow(generator, points_right=bool(n % 2)) for n in range(COUNT)], generator)


@pytest.fixture(scope="module")
def shades() -> np.ndarray:
    """Dark and bright plates, 30 of 255 levels apart."""
    generator = np.random.default_rng(2)
    levels = [110 + 30 * (n % 2) + generator.uniform(-4, 4) for n in range(COUNT)]
    return noisy([np.full((SIDE, SIDE), level) for level in levels], generator)


def test_left_and_right_depend_on_mirroring_and_turning(arrows: np.ndarray) -> None:
    dataset = make_dataset(arrows, ALL % 2, classes=("left", "right"))
    found = {one.kind: one for one in find_harmful_augmentations(dataset, ALL, KINDS, seed=1)}
    assert set(found) == {FLIP, ROTATION}
    assert {found[FLIP].label, found[FLIP].other} == {"left", "right"}
    assert found[FLIP].changed > 0.6
    assert found[FLIP].unchanged < 0.1


def test_dark_and_bright_depend_on_light(shades: np.ndarray) -> None:
    dataset = make_dataset(shades, ALL % 2, classes=("dark", "bright"))
    found = {one.kind for one in find_harmful_augmentations(dataset, ALL, KINDS, seed=1)}
    assert BRIGHTNESS in found
    assert found <= {BRIGHTNESS, CONTRAST}


def test_the_warning_names_what_to_leave_out(arrows: np.ndarray) -> None:
    dataset = make_dataset(arrows, ALL % 2, classes=("left", "right"))
    (warning,) = warn_of_harmful_augmentations(dataset, ALL, KINDS, seed=1)
    assert "look like" in warning
    assert "--augment shift,zoom,contrast,brightness leaves them out" in warning
    assert warn_of_harmful_augmentations(dataset, ALL, ("shift", "zoom"), seed=1) == []


@pytest.mark.parametrize("classes", [("ok", "defect"), ("first", "second")])
def test_defects_anywhere_on_a_part_give_no_warning(classes: tuple[str, str]) -> None:
    pixels, labels = spots(COUNT, side=SIDE)
    assert find_harmful_augmentations(make_dataset(pixels, labels, classes=classes), ALL, KINDS, seed=1) == []


def test_classes_that_differ_in_nothing_give_no_warning(arrows: np.ndarray) -> None:
    labels = np.random.default_rng(3).integers(0, 2, COUNT)
    assert find_harmful_augmentations(make_dataset(arrows, labels), ALL, KINDS, seed=1) == []


def test_few_parts_prove_nothing(arrows: np.ndarray) -> None:
    dataset = make_dataset(arrows, ALL % 2, groups=ALL % 4, classes=("left", "right"))
    assert find_harmful_augmentations(dataset, ALL, KINDS, seed=1) == []
