"""`make camera-pictures DATA=…`: how often the judge of camera pictures is wrong on real photographs.

Prints a table for docs/research/camera-pictures.md, of every second photograph of each data set: those that
chose no default.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.camera.faults import CameraFault, judge_bottom, judge_brightness, judge_sharpness, sample
from edge.core.images import Image, read_image
from edge.core.photographs.listing import list_images
from edge.settings.camera import CameraSettings

SETTINGS = CameraSettings()
DATA_SETS = ("casting", "neu", "magnetic_tile", "plastic_toys")
SIGMA, NOISE = 6, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make camera-pictures", description=__doc__)
    parser.add_argument("data", type=Path, help=f"a folder that holds {', '.join(DATA_SETS)}")
    data = parser.parse_args(argv).data
    print("| photographs | pictures | called faulty | JPEG 60 | JPEG 30 | lower fifth grey | blurred |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in DATA_SETS:
        print(f"| {name} | {' | '.join(map(str, count(list_images(data / name)[1::2])))} |", flush=True)
    return 0


def count(paths: Sequence[Path]) -> list[int]:
    """The number of pictures, and of those that are called faulty as they are, and spoiled in each way."""
    chance = np.random.default_rng(1)
    ways: list[Callable[[Image], Image]] = [
        lambda image: image,
        lambda image: _as_jpeg(image, 60),
        lambda image: _as_jpeg(image, 30),
        _without_bottom,
        lambda image: _blurred(image, chance),
    ]
    found = [0] * len(ways)
    for path in paths:
        image = read_image(path)
        for number, spoil in enumerate(ways):
            found[number] += judge(spoil(image)) is not None
    return [len(paths), *found]


def judge(image: Image) -> CameraFault | None:
    """The fault of a single picture, by the default settings."""
    samples = sample(image)
    return (
        judge_brightness(samples, SETTINGS)
        or judge_bottom(samples, SETTINGS.half_decoded_from)
        or judge_sharpness(image, SETTINGS.blurred_below)
    )


def _as_jpeg(image: Image, quality: int) -> Image:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), np.uint8)


def _without_bottom(image: Image) -> Image:
    spoiled = image.copy()
    spoiled[-(len(image) // 5) :] = 128
    return spoiled


def _blurred(image: Image, chance: np.random.Generator) -> Image:
    noisy = cv2.GaussianBlur(image, (0, 0), SIGMA) + chance.normal(0, NOISE, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
