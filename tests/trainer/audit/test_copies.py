"""Copies are found whatever was done to them; other parts of the same design are no copies."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from edge.core.images import Image
from edge.simulation.parts import PartRenderer
from trainer.audit.copies import MIN_LIKENESS, group_copies, likeness
from trainer.audit.features import describe

PARTS = PartRenderer(seed=11, size=256)


Change = Callable[[Image], Image]


def turned(image: Image, degrees: float, *, zoom: float = 1.0, shift: float = 0.0) -> Image:
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, zoom)
    moved = np.asarray(matrix, np.float64) + np.array([[0, 0, shift], [0, 0, shift]])
    return np.asarray(
        cv2.warpAffine(image, moved, (side, side), borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def recompressed(image: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


CHANGES: dict[str, Change] = {
    "the same file": lambda image: image,
    "turned by any angle": lambda image: turned(image, 37),
    "turned upside down": lambda image: turned(image, 180),
    "flipped": lambda image: image[:, ::-1].copy(),
    "flipped and turned": lambda image: turned(image[::-1].copy(), 101),
    "shifted": lambda image: turned(image, 0, shift=9),
    "zoomed": lambda image: turned(image, 12, zoom=1.1),
    "brighter": lambda image: np.clip(image * 1.2 + 12, 0, 255).astype(np.uint8),
    "compressed again": lambda image: recompressed(image, 70),
    "smaller": lambda image: np.asarray(
        cv2.resize(image, (200, 200), interpolation=cv2.INTER_AREA), np.uint8
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_copy_is_like_its_original(change: str) -> None:
    for number in range(3):
        image = PARTS.render(number).image
        assert likeness(describe(image), describe(CHANGES[change](image))) >= MIN_LIKENESS


def test_another_part_of_the_design_is_not() -> None:
    features = [describe(PARTS.render(number, kind="ok").image) for number in range(8)]
    for first in range(8):
        for second in range(first):
            assert likeness(features[first], features[second]) < MIN_LIKENESS


def test_a_picture_without_any_detail_is_like_nothing() -> None:
    flat = describe(np.full((64, 64), 90, np.uint8))
    assert likeness(flat, flat) == 0


def test_all_copies_of_a_picture_are_one_group() -> None:
    chance = np.random.default_rng(5)
    images, truth = [], []
    for number in range(12):
        original = PARTS.render(number, kind="ok").image
        for _ in range(4):
            images.append(recompressed(turned(original, chance.uniform(0, 360)), 80))
            truth.append(number)
    features = [describe(image) for image in images]
    with ThreadPoolExecutor(2) as pool:
        groups = group_copies(features, pool)
    found = {tuple(np.flatnonzero(groups == group)) for group in set(groups.tolist())}
    assert found == {tuple(np.flatnonzero(np.array(truth) == number)) for number in range(12)}
