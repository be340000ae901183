"""Small data sets in memory, for tests that learn from them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.core.preprocess import InputSpec
from trainer.dataset import Dataset, Photograph
from trainer.groups import Groups


def make_dataset(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    groups: NDArray[np.int64] | None = None,
    classes: tuple[str, ...] = ("ok", "defect"),
) -> Dataset:
    """Photographs with these pixels (N, H, W, C); two classes are OK and defect."""
    _, height, width, channels = pixels.shape
    return Dataset(
        root=Path(),
        task="binary" if len(classes) == 2 else "classes",
        classes=list(classes),
        ok_class="ok" if "ok" in classes else None,
        spec=InputSpec(width=width, height=height, channels=1 if channels == 1 else 3),
        photographs=[
            Photograph(f"{number}.png", classes[int(label)], str(number))
            for number, label in enumerate(labels)
        ],
        pixels=pixels,
        groups=Groups(np.arange(len(labels)) if groups is None else groups, "made up"),
        left_out={},
    )


def spots(count: int, *, side: int = 32, seed: int = 1) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Grey noise, every other one with a bright spot: pixels (N, side, side, 1) and labels (N,)."""
    generator = np.random.default_rng(seed)
    pixels = generator.normal(110, 10, (count, side, side, 1))
    labels = np.arange(count, dtype=np.int64) % 2
    for number in np.flatnonzero(labels):
        x, y = generator.integers(side // 4, side // 2, 2)
        pixels[number, y : y + side // 4, x : x + side // 4] += 80
    return pixels.clip(0, 255).astype(np.uint8), labels
