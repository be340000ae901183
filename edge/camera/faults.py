"""Camera faults by name, and checks of single pictures, which are pure and need no camera."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.images import Image
from edge.settings.camera import CameraSettings

FaultName = Literal[
    "no camera",
    "stall",
    "hang",
    "late",
    "freeze",
    "black",
    "washed out",
    "blurred",
    "wrong size",
    "half decoded",
]

_SAMPLES = 14_400  # pixels looked at for brightness, repetition and smears: 160 x 90
_ROWS, _COLUMNS = 24, 640  # looked at for blur
_SPAN = 4  # blocks of pixels over which a step is looked at
_LEAST_STEP = 12  # grey levels; a smaller step may be noise
_SAME_ROW = 0.25  # grey levels; mean difference up to which one row repeats another
_BOTTOM_DARK, _BOTTOM_BRIGHT = 5, 250  # beyond these a flat area is natural


@dataclass(frozen=True)
class CameraFault:
    """Reason why there is no valid picture; ``text`` is for a person, and names the setting."""

    name: FaultName
    text: str

    def __str__(self) -> str:
        return f"camera: {self.name}: {self.text}"


class PictureJudge:
    """Checks the pictures of one camera in order; about 0.2 ms each at 1280x720."""

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self._width, self._height = settings.width, settings.height
        self._before: NDArray[np.uint8] | None = None
        self._repeats = 0

    def judge(self, image: Image) -> CameraFault | None:
        """Return the first fault of this picture, or None.

        The expected size is that of the settings, or else of the first picture.
        """
        samples = sample(image)
        self._count_repeats(samples)
        return (
            self._wrong_size(image)
            or judge_brightness(samples, self._settings)
            or judge_bottom(samples, self._settings.half_decoded_from)
            or self._frozen()
            or judge_sharpness(image, self._settings.blurred_below)
        )

    def _count_repeats(self, samples: NDArray[np.uint8]) -> None:
        same = self._before is not None and np.array_equal(samples, self._before)
        self._repeats = self._repeats + 1 if same else 0
        self._before = samples

    def _frozen(self) -> CameraFault | None:
        limit = self._settings.freeze_frames
        if not limit or self._repeats < limit:
            return None
        return CameraFault("freeze", f"the same picture more than {limit} times (camera.freeze_frames)")

    def _wrong_size(self, image: Image) -> CameraFault | None:
        height, width = image.shape[:2]
        self._width, self._height = self._width or width, self._height or height
        if (width, height) == (self._width, self._height):
            return None
        return CameraFault("wrong size", f"{width}x{height} pixels, {self._width}x{self._height} is right")


def sample(image: Image) -> NDArray[np.uint8]:
    """Return about 14,000 pixels on a grid, (rows, columns) uint8, of the green or only channel."""
    plane = image if image.ndim == 2 else image[..., 1]
    step = max(1, round((plane.size / _SAMPLES) ** 0.5))
    return np.ascontiguousarray(plane[::step, ::step])


def judge_brightness(samples: NDArray[np.uint8], settings: CameraSettings) -> CameraFault | None:
    """Return a "black" fault if the brightest hundredth is dark, "washed out" if the darkest is bright."""
    counts = cv2.calcHist([samples], [0], None, [256], [0, 256])[:, 0].cumsum()
    darkest, brightest = np.searchsorted(counts, (samples.size * 0.01, samples.size * 0.99))
    if brightest < settings.black_below:
        return CameraFault("black", f"99 % of it is at most {brightest} of 255 bright (camera.black_below)")
    if darkest > settings.washed_out_above:
        return CameraFault(
            "washed out", f"99 % of it is at least {darkest} of 255 bright (camera.washed_out_above)"
        )
    return None


def judge_bottom(samples: NDArray[np.uint8], limit: float) -> CameraFault | None:
    """Return a "half decoded" fault if the bottom rows repeat each other: decoders fill in missing data so.

    White and black areas are exempt: those are flat in a whole picture too. ``limit``: share of the rows; 0
    switches it off.
    """
    if not limit:
        return None
    fewest = max(1, round(limit * (len(samples) - 1)))
    bottom = samples[-1]
    natural = bottom.max() <= _BOTTOM_DARK or bottom.min() >= _BOTTOM_BRIGHT
    if natural or not _repeats(samples[-fewest - 1 :]).all():
        return None
    repeats = _repeats(samples)
    share = np.argmin(repeats[::-1]) / len(repeats) if not repeats.all() else 1.0
    return CameraFault("half decoded", f"its lower {share:.0%} repeat one row (camera.half_decoded_from)")


def _repeats(samples: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return, for each row but the first, True if it repeats the one above."""
    return np.asarray(np.abs(np.diff(samples.astype(np.int16), axis=0)).mean(axis=1) <= _SAME_ROW)


def judge_sharpness(image: Image, limit: float) -> CameraFault | None:
    """Return a "blurred" fault if the strongest steps of the picture are spread over many pixels.

    A picture without clear steps is not judged: it may be an empty belt. ``limit``: least sharpness; 0
    switches it off.
    """
    sharpness = measure_sharpness(image) if limit else None
    if sharpness is None or sharpness >= limit:
        return None
    return CameraFault("blurred", f"sharpness {sharpness:.2f}, {limit:g} is the least (camera.blurred_below)")


def measure_sharpness(image: Image) -> float | None:
    """Return the share of the strongest step between two neighbours: 0.25 (blurred) to 1 (sharp).

    The median over the quarter of the rows with the strongest steps, on blocks of pixels, which reduce noise:
    2x2 of them, more in pictures over 640 columns wide, where a lens gives less than a sharp step a pixel.
    None if those rows have no clear step.
    """
    height, columns = image.shape[:2]
    block = max(2, round(columns / _COLUMNS))
    if columns // block <= _SPAN:
        return None
    upper = np.arange(0, height - 1, max(2, height // _ROWS))
    pairs = image[np.stack([upper, upper + 1], axis=1).ravel(), : columns // block * block]
    plane = pairs if image.ndim == 2 else cv2.extractChannel(pairs, 1)
    size = (columns // block, len(upper))
    blocks = cv2.resize(plane.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    steps = np.abs(blocks[:, _SPAN:] - blocks[:, :-_SPAN])
    at = steps.argmax(axis=1)
    strongest = steps[np.arange(len(at)), at]
    chosen = np.argsort(strongest)[-max(1, len(at) // 4) :]
    if strongest[chosen[0]] < _LEAST_STEP:
        return None
    around = blocks[chosen[:, None], at[chosen, None] + np.arange(_SPAN + 1)]
    singles = np.abs(np.diff(around, axis=1)).max(axis=1)
    return float(np.median(singles / strongest[chosen]))
