"""The networks by name."""

from collections.abc import Callable
from typing import Any

from trainer.models.baseline import build_baseline
from trainer.models.small import build_small
from trainer.models.transfer import BACKBONES

DEFAULT = "default"
NETWORKS: dict[str, Callable[[int, int, int, int], Any]] = {
    "small": build_small,
    "baseline": build_baseline,
}
AUTOENCODER = "autoencoder"
NAMES = (DEFAULT, *NETWORKS, *BACKBONES, AUTOENCODER)
