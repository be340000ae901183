"""Pieces of the trainer's pages: drawings of matplotlib, and photographs with what was found on them."""

import warnings
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.errors import ImageError
from edge.core.html_page import INK, captioned, small
from edge.core.images import Image, read_image
from edge.core.set_depth import find_set_depth

_HOT, _OUTLINE = (255, 120, 0), (0, 230, 118)  # RGB
_COLD = 0.3  # heat that is not shown


def drawing(draw: Callable[[Any], None]) -> str:
    """One matplotlib drawing as inline SVG, without a background of its own."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colours = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    with rc_context(
        dict.fromkeys(colours, INK)
        | {"svg.hashsalt": "linegate", "svg.fonttype": "none", "text.parse_math": False}
    ):
        figure = Figure(figsize=(5, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_facecolor("none")
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        file = StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph ")  # the browser has letters that this font has not
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def photograph(path: Path, caption: str, *, mask: Path | None = None, seen: Image | None = None) -> str:
    """A photograph, its defect outlined where there is a mask, and beside it what the network ``seen``."""
    try:
        image = _shown(path)
    except ImageError:
        return ""
    pictures = [_outlined(small(image), mask)]
    if seen is not None:
        pictures.append(seen)
    return captioned(pictures, caption)


def side_by_side(first: Path, second: Path, caption: str) -> str:
    """Two photographs."""
    try:
        return captioned([small(_shown(first)), small(_shown(second))], caption)
    except ImageError:
        return ""


def heated(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> Image:
    """Model input, uint8 (H, W, C), with heat (H, W), 0 to 1, laid over it."""
    image = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    strength = 0.65 * np.clip((heat - _COLD) / (1 - _COLD), 0, 1)[..., np.newaxis]
    return np.asarray(image * (1 - strength) + np.array(_HOT) * strength, np.uint8)


def _outlined(image: Image, mask: Path | None) -> Image:
    if mask is None:
        return image
    try:
        drawn = read_image(mask)
    except ImageError:
        return image
    plane = drawn if drawn.ndim == 2 else drawn.max(axis=2)
    height, width = image.shape[:2]
    inside = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) > 0
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    coloured = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image.copy()
    return np.asarray(cv2.drawContours(coloured, edges, -1, _OUTLINE, 1), np.uint8)


def _shown(path: Path) -> Image:
    return read_image(path, find_set_depth([path]).bits)  # to look at: each as bright as it can be
