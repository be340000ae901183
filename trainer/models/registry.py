"""The networks by name."""

from collections.abc import Callable
from typing import Any

from trainer.models.baseline import build_baseline
from trainer.models.pretrained import FEW, LAST, WITH_PLACES, Look
from trainer.models.scratch import build_scratch
from trainer.models.transfer import BACKBONES

DEFAULT, SMALL = "default", "small"
NETWORKS: dict[str, Callable[[int, int, int, int], Any]] = {
    "scratch": build_scratch,
    "baseline": build_baseline,
}
AUTOENCODER = "autoencoder"
FROZEN: dict[str, Look] = {DEFAULT: WITH_PLACES, SMALL: FEW, "frozen": LAST}
SIZES = {SMALL: 96}  # pixels a side, of those that are not shown 160
NAMES = (*FROZEN, *NETWORKS, *BACKBONES, AUTOENCODER)
