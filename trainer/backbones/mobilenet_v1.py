"""MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) a quarter as wide, as ImageNet made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer.backbones.backbone import Tap, check_taps
from trainer.weights import Weights, find_weights

NAME = "mobilenet_v1_0.25"
ALPHA = 0.25
_STRIDES_AND_CHANNELS = ((2, 16), (4, 32), (4, 32), (8, 64), (8, 64), *((16, 128),) * 6, (32, 256), (32, 256))


@dataclass(frozen=True)
class MobileNetV1:
    """With the weights that were found for it; its maps are those after the pointwise convolutions."""

    weights: Weights

    name = NAME
    taps = tuple(Tap(f"block{number}", *of) for number, of in enumerate(_STRIDES_AND_CHANNELS, start=1))
    texture_taps = ("block4", "block5", "block6", "block7", "block9", "block11")
    place_taps = ("block9", "block11")

    @property
    def source(self) -> str:
        """Where the weights are from."""
        return self.weights.source

    def build(self, height: int, width: int, channels: int, taps: Sequence[str]) -> Any:
        """As `Backbone.build` says."""
        from keras import Model
        from keras.applications import MobileNet

        check_taps(self.taps, taps)
        whole = MobileNet(input_shape=(height, width, channels), alpha=ALPHA, include_top=False, weights=None)
        layers = [whole.get_layer(f"conv_pw_{tap.removeprefix('block')}_relu") for tap in taps]
        network = Model(whole.input, [layer.output for layer in layers], name=NAME)
        self.weights.give(network)
        return network


def find_mobilenet_v1(choice: str) -> MobileNetV1 | None:
    """With weights by ``choice``, see `trainer.weights.find_weights`; None where there are none.

    Raises InputError where what was asked for is not available.
    """
    weights = find_weights(choice, download)
    return MobileNetV1(weights) if weights is not None else None


def download() -> Any:
    """The Keras model with ImageNet weights, from Keras's cache or the network."""
    from keras.applications import MobileNet

    return MobileNet(input_shape=(160, 160, 3), alpha=ALPHA, include_top=False, weights="imagenet")
