"""The networks by name."""

from collections.abc import Callable
from typing import Any

from trainer.models.baseline import build_baseline
from trainer.models.pretrained import LAST, WITH_PLACES, Look
from trainer.models.small import build_small
from trainer.models.transfer import BACKBONES

DEFAULT = "default"
NETWORKS: dict[str, Callable[[int, int, int, int], Any]] = {
    "small": build_small,
    "baseline": build_baseline,
}
AUTOENCODER = "autoencoder"
FROZEN: dict[str, Look] = {DEFAULT: WITH_PLACES, "frozen": LAST}
NAMES = (*FROZEN, *NETWORKS, *BACKBONES, AUTOENCODER)
