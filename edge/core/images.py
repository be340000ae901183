"""Image files to pixels, for every part of Linegate.

An image is a uint8 array, (height, width) when grey and (height, width, 3) in RGB order when
coloured, whatever the file held: 10 to 16 bits are scaled to 8 by what the file or its set says is white,
what is transparent is laid on mid grey, a camera's EXIF rotation is applied.
"""

import struct
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.complaints import decode_heard
from edge.core.errors import ImageError, one_line
from edge.core.image_size import claimed_pixels
from edge.core.jpeg_end import jpeg_end
from edge.core.memory import memory_for
from edge.core.samples import read_samples
from edge.core.tones import BACKGROUND, lay_on_background, to_eight_bits, turn_as

Image = NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
MAX_FILE_BYTES = 256 * 1024 * 1024
MIN_SIDE = 8
MAX_PIXELS = 2**28
MAX_PIXELS_PER_BYTE = 10_000  # PNG's compression ends at 8,256 in black and white
MAX_JPEG_PIXELS_PER_BYTE = 1_000  # a block of 64 takes a bit at least

_ROWS_AT_ONCE = 128
_AS_MEANT = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
_JPEG_START = b"\xff\xd8\xff"
_PLAIN_NETPBM = (b"P1", b"P2", b"P3")
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNK = struct.Struct(">I4s")  # length and name; the content and four bytes of a checksum follow
_PNG_EFFORT = {
    "quick": [],
    "small": [cv2.IMWRITE_PNG_COMPRESSION, 9, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_FILTERED],
}


def read_image(path: Path, bits: int | None = None) -> Image:
    """Read one image file; raises ImageError, which names the file, if it is not a whole image.

    ``bits`` as for ``decode_image``. Raises OutOfMemoryError where memory doesn't suffice for it.
    """
    return decode_image(read_bytes(path), str(path), bits=bits)


def printable(path: Path) -> str:
    """The path as text that any file and terminal takes: bytes that are not UTF-8 are spelled out."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def read_bytes(path: Path) -> bytes:
    """The bytes of one image file; raises ImageError if there are none, too many, or its name is no text."""
    if printable(path) != str(path):
        raise ImageError(f"{printable(path)}: its name is not UTF-8; expected another name")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ImageError(f"{path}: larger than {MAX_FILE_BYTES // 2**20} MiB")
        with memory_for(str(path)):
            return path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ImageError(f"{one_line(str(path))}: no name of a file ({error})") from error


def decode_image(data: bytes, name: str, most_pixels: int = MAX_PIXELS, *, bits: int | None = None) -> Image:
    """Decode one image; raises ImageError, with ``name``, if it is damaged, truncated, tiny or too large.

    ``bits``: how many its set uses of 16 where the file doesn't say so itself, all of them by default; one
    that uses more raises ImageError.

    One whose size can't be told from its header is not decoded: a few bytes could ask for gigabytes. Raises
    OutOfMemoryError where memory doesn't suffice for it.
    """
    check_size(data, name, most_pixels)
    with memory_for(name):
        return _decode(data, name, bits)


def check_size(data: bytes, name: str, most_pixels: int = MAX_PIXELS) -> None:
    """Raise ImageError unless this is a whole image of a size that can be told and decoded."""
    if not data:
        raise ImageError(f"{name}: the file is empty")
    if _is_truncated(data):
        raise ImageError(f"{name}: the image is truncated")
    pixels = claimed_pixels(data)
    if pixels is None:
        raise ImageError(
            f"{name}: tells no size; expected a whole BMP, JPEG, PGM, PNG, PPM, TIFF or WebP file"
        )
    per_byte = MAX_JPEG_PIXELS_PER_BYTE if data.startswith(_JPEG_START) else MAX_PIXELS_PER_BYTE
    if pixels > min(most_pixels, per_byte * len(data)):
        raise ImageError(f"{name}: {len(data)} bytes claim {pixels} pixels; it is damaged, or too large")


def peak(data: bytes, name: str) -> int | None:
    """The largest sample of a picture of 16 bits that doesn't say how many of them it uses; None for others.

    Raises ImageError where it can't be decoded.
    """
    if not read_samples(data).is_undeclared:
        return None
    check_size(data, name)
    with memory_for(name):
        return int(_by_opencv(data, name, _AS_MEANT).max())


def _decode(data: bytes, name: str, bits: int | None) -> Image:
    samples = read_samples(data)
    if samples.alpha == "lost":
        raise ImageError(
            f"{name}: grey with transparency in TIFF can't be decoded; expected PNG, or no alpha"
        )
    if samples.alpha != "none":
        decoded = _by_opencv(data, name, cv2.IMREAD_UNCHANGED)
        if decoded.ndim == 3 and decoded.shape[2] == 4:
            laid = lay_on_background(to_eight_bits(decoded, samples, bits, name), samples)
            if _may_be_turned(data):
                laid = turn_as(laid, decoded, _by_opencv(data, name, _AS_MEANT))
            return from_opencv(laid, name)
    if data.startswith(_PLAIN_NETPBM):
        data += b"\n"  # OpenCV wants a blank behind the last number
    decoded = _by_opencv(data, name, _AS_MEANT)
    pixels = to_eight_bits(decoded, samples, bits, name)
    if samples.key is not None and decoded.ndim == 2:
        pixels = np.where(decoded == samples.key, np.uint8(BACKGROUND), pixels)
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3:
        return _large_enough(_to_rgb_in_place(pixels), name)
    return from_opencv(pixels, name)


def _by_opencv(data: bytes, name: str, flags: int) -> NDArray[np.generic]:
    try:
        decoded, complaint = decode_heard(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), flags))
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise
        raise ImageError(f"{name}: cannot be decoded ({error.err})") from error
    if decoded is None:
        raise ImageError(f"{name}: not an image that OpenCV can decode")
    if complaint is not None:
        raise ImageError(f"{name}: is damaged ({complaint})")
    return np.asarray(decoded)


def _may_be_turned(data: bytes) -> bool:
    """True if EXIF may say how the camera was held; OpenCV applies it only where it drops transparency."""
    return b"eXIf" in data or b"EXIF" in data


def _to_rgb_in_place(decoded: NDArray[np.generic]) -> Image:
    """BGR to RGB some rows at a time: a whole copy of a large picture would double what it takes."""
    pixels = np.asarray(decoded, np.uint8)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        rows = pixels[start : start + _ROWS_AT_ONCE]
        rows[:] = cv2.cvtColor(rows, cv2.COLOR_BGR2RGB)
    return pixels


def from_opencv(decoded: NDArray[np.generic], name: str) -> Image:
    """Bring what OpenCV gives (grey, BGR or BGRA; 8 or 16 bits) to our form.

    Raises ImageError for other depths and for images under 8 pixels a side, which hold no part.
    """
    pixels = np.asarray(decoded)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ImageError(f"{name}: has {pixels.dtype} pixels; expected 8 or 16 bits a channel")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3:
        if pixels.shape[2] not in (3, 4):
            raise ImageError(f"{name}: has {pixels.shape[2]} channels; expected 1, 3 or 4")
        code = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGB
        pixels = cv2.cvtColor(pixels, code)
    return _large_enough(np.ascontiguousarray(pixels, dtype=np.uint8), name)


def _large_enough(image: Image, name: str) -> Image:
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ImageError(f"{name}: is {width}x{height} pixels; expected at least {MIN_SIDE} a side")
    return image


def encode_png(image: Image, effort: Literal["quick", "small"] = "quick") -> bytes:
    """The image as a PNG file, without loss; "small" is a sixth smaller, and takes longer."""
    ordered = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    ok, data = cv2.imencode(".png", ordered, _PNG_EFFORT[effort])
    if not ok:
        raise ImageError("the image cannot be encoded as PNG")
    return data.tobytes()


def is_grey(image: Image) -> bool:
    """True if the image has no colour, though it may have three channels."""
    if image.ndim == 2:
        return True
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    return bool(np.array_equal(red, green) and np.array_equal(green, blue))


def _is_truncated(data: bytes) -> bool:
    """OpenCV fills the missing part of a truncated JPEG or PNG with grey and reports success."""
    if data.startswith(_JPEG_START):
        return jpeg_end(data) is None
    if data.startswith(_PNG_START):
        return not _has_whole_chunks(data)
    return False


def _has_whole_chunks(data: bytes) -> bool:
    """True if a PNG holds as much as each chunk says, to the last: OpenCV would set aside what is claimed."""
    at = len(_PNG_START)
    while at + _PNG_CHUNK.size <= len(data):
        length, name = _PNG_CHUNK.unpack_from(data, at)
        at += _PNG_CHUNK.size + length + 4
        if name == b"IEND":
            return bool(at <= len(data))
    return False
