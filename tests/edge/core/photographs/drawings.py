"""Photographs and masks of our own, for folders to read."""

from pathlib import Path

import cv2
import numpy as np

SIDE = 32


def photographs(folder: Path, *names: str, level: int = 120) -> None:
    """Noisy pictures; what a camera gives is never of two values."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        chance = np.random.default_rng(list(f"{folder.name}{name}".encode()))
        _write(folder / name, chance.normal(level, 20, (SIDE, SIDE)).clip(0, 255).astype(np.uint8))


def masks(folder: Path, *names: str, white: int = 255) -> None:
    """Black, with a line where the defect is; ``white``: 0 for a part without one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        picture = np.zeros((SIDE, SIDE), np.uint8)
        cv2.line(picture, (4, 6), (26, 20), white, 3)
        _write(folder / name, picture)


def _write(path: Path, picture: np.ndarray) -> None:
    ok, data = cv2.imencode(path.suffix, picture)
    assert ok
    path.write_bytes(data.tobytes())  # cv2.imwrite takes no name that is not in its locale


def numbered(suffix: str, count: int = 4) -> list[str]:
    """000.png, 001.png … for a suffix like ".png" or "_GT.png"."""
    return [f"{number:03}{suffix}" for number in range(count)]
