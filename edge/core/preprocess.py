"""Pixels to model input: the only implementation, used in training, quantization and on the device."""

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from edge.core.errors import ImageError
from edge.core.images import Image
from edge.core.locate import crop_part, unroll_ring

Locate = Literal["none", "part", "ring"]
LARGEST_SIDE = 4096  # pixels
_BAR = 128  # grey, which is zero to our networks
PIXEL_ZERO, PIXEL_STEP = 128, 1 / 128  # what a uint8 pixel is to our networks: (pixel - 128) / 128


class Region(BaseModel):
    """A rectangle of the camera's image, in pixels from its upper left corner."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    width: int = Field(ge=8)
    height: int = Field(ge=8)


class InputSpec(BaseModel):
    """The input of the model; it stands in the manifest.

    ``resize`` names the rule: "area" averages the pixels that fall together when shrinking and
    interpolates linearly when enlarging. ``fit``: "stretch" scales the sides independently; "letterbox"
    keeps the shape and leaves grey bars beside the picture. ``locate`` names
    what is shown: the whole region ("none"), a square round the part ("part"), or a round part
    unrolled to a strip ("ring"); edge/core/locate.py has the rules. ``bits``: how many of 16 the photographs
    used that didn't say so themselves; None where none was of that kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=16, le=LARGEST_SIDE)
    height: int = Field(ge=16, le=LARGEST_SIDE)
    channels: Literal[1, 3]
    resize: Literal["area"] = "area"
    fit: Literal["stretch", "letterbox"] = "stretch"
    region: Region | None = None
    locate: Locate = "none"
    bits: Literal[8, 10, 12, 14, 16] | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Earlier versions read a manifest without bits."""
        document: dict[str, Any] = handler(self)
        if self.bits is None:
            document.pop("bits", None)
        return document


def preprocess(image: Image, spec: InputSpec) -> NDArray[np.uint8]:
    """Crop, convert, locate and resize one image.

    Takes uint8 (H, W) or (H, W, 3) in RGB order; gives uint8 (height, width, channels), raw
    pixels: scaling lives in the model's graph. Raises ImageError when the region of interest
    lies outside the image, or when the part is to be located and there is none.
    """
    if spec.region is not None:
        image = _crop(image, spec.region)
    if spec.channels == 1 and image.ndim == 3:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    elif spec.channels == 3 and image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
    if spec.locate == "part":
        image = crop_part(image)
    elif spec.locate == "ring":
        image = unroll_ring(image, width=spec.width, height=spec.height)
    fitted = _letterboxed(image, spec) if spec.fit == "letterbox" else _scaled(image, spec.width, spec.height)
    return np.ascontiguousarray(fitted).reshape(spec.height, spec.width, spec.channels)


def _letterboxed(image: Image, spec: InputSpec) -> Image:
    height, width = image.shape[:2]
    scale = min(spec.width / width, spec.height / height)
    inner_width = min(spec.width, max(1, round(width * scale)))
    inner_height = min(spec.height, max(1, round(height * scale)))
    left, top = (spec.width - inner_width) // 2, (spec.height - inner_height) // 2
    boxed = np.full((spec.height, spec.width, *image.shape[2:]), _BAR, np.uint8)
    inner = boxed[top : top + inner_height, left : left + inner_width]
    inner[...] = _scaled(image, inner_width, inner_height)
    return boxed


def _scaled(image: Image, width: int, height: int) -> Image:
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] > height or image.shape[1] > width
    rule = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=rule), dtype=np.uint8)


def _crop(image: Image, region: Region) -> Image:
    height, width = image.shape[:2]
    if region.x + region.width > width or region.y + region.height > height:
        raise ImageError(
            f"region of interest {region.width}x{region.height}+{region.x}+{region.y} "
            f"lies outside the {width}x{height} image"
        )
    return image[region.y : region.y + region.height, region.x : region.x + region.width]


def to_network_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The input of a float network for uint8 ``pixels`` of its int8 copy: float32, -1 to 127/128."""
    return (pixels.astype(np.float32) - PIXEL_ZERO) * np.float32(PIXEL_STEP)
