"""The networks by name."""

from collections.abc import Callable
from typing import Any

from trainer.models.baseline import build_baseline
from trainer.models.pretrained import build_last_map, build_maps
from trainer.models.small import build_small
from trainer.models.transfer import BACKBONES
from trainer.weights import Weights

DEFAULT = "default"
NETWORKS: dict[str, Callable[[int, int, int, int], Any]] = {
    "small": build_small,
    "baseline": build_baseline,
}
AUTOENCODER = "autoencoder"
# What a linear head can look at: a network's maps by height, width, channels and weights.
FROZEN: dict[str, Callable[[int, int, int, Weights], Any]] = {DEFAULT: build_maps, "frozen": build_last_map}
NAMES = (*FROZEN, *NETWORKS, *BACKBONES, AUTOENCODER)
