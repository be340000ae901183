"""The models by name."""

from collections.abc import Callable
from typing import Any

from trainer.backbones import efficientnet_lite0, mobilenet_v1
from trainer.models.baseline import build_baseline
from trainer.models.scratch import build_scratch
from trainer.models.transfer import PRETRAINED

AUTO, FAST, ACCURATE, SMALL = "auto", "fast", "accurate", "small"
NETWORKS: dict[str, Callable[[int, int, int, int], Any]] = {
    "scratch": build_scratch,
    "baseline": build_baseline,
}
AUTOENCODER = "autoencoder"
# Models that learn on a backbone that stays as it is, and on which.
FROZEN: dict[str, tuple[str, ...]] = {
    AUTO: (mobilenet_v1.NAME, efficientnet_lite0.NAME),
    FAST: (mobilenet_v1.NAME,),
    ACCURATE: (efficientnet_lite0.NAME,),
    SMALL: (mobilenet_v1.NAME,),
}
SQUARES = {SMALL: 96}  # pixels a side, of models with a size of their own; others that learn whole have 160
NAMES = (*FROZEN, *NETWORKS, *PRETRAINED, AUTOENCODER)
