"""Networks of keras.applications to go on from: they know ImageNet, and are fine-tuned.

Each goes without its classifier; global average pooling, dropout and a dense layer take its place.
`PRETRAINED` says where each is from.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.preprocess import PIXEL_STEP, PIXEL_ZERO
from trainer.backbones.mobilenet_v1 import ALPHA
from trainer.weights import Weights

_ENTRY, _HEAD = "colours", "head"
_DROPOUT = 0.2
# What ImageNet weights want to see; pixels 0 to 255.
_MEAN_RGB, _DEVIATION_RGB = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
_MEAN_BGR = np.array([103.939, 116.779, 123.68])

Colours = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """The scaling that a network expects: ``(pixel - mean) / deviation`` of RGB, or of BGR."""

    mean: Colours
    deviation: Colours
    is_reversed: bool = False


@dataclass(frozen=True)
class PretrainedNetwork:
    """A network of keras.applications.

    ``make`` takes what these take. ``scaling`` is what its ImageNet weights want to see; None: what
    all our networks see, but for half a grey level.
    """

    name: str
    make: Callable[..., Any]
    scaling: Callable[[Weights], Scaling] | None = None

    def download(self) -> Any:
        """The Keras model with ImageNet weights, from Keras's cache or the network."""
        return self.make(weights="imagenet", input_shape=(224, 224, 3))


def build_transfer(
    backbone: PretrainedNetwork, weights: Weights | None, height: int, width: int, channels: int, outputs: int
) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to logits (N, outputs); untrained without ``weights``.

    Raises InputError where the weights are not of this network.
    """
    from keras import Input, Model, layers

    values = Input((height, width, channels))
    if weights is not None and backbone.scaling is not None:
        fixed = _entry_weights(backbone.scaling(weights), channels)
        weights = replace(weights, arrays={**weights.arrays, _ENTRY: fixed})
        values = layers.Conv2D(3, 1, name=_ENTRY)(values)
    trunk = backbone.make(weights=None, input_tensor=values)
    trunk.name = backbone.name
    if weights is not None:
        weights.give(trunk)
    else:
        _hasten_statistics(trunk)
    pooled = layers.Dropout(_DROPOUT)(layers.GlobalAveragePooling2D()(trunk.output))
    return Model(trunk.inputs[0], layers.Dense(outputs, name=_HEAD)(pooled), name=backbone.name)


def freeze_all_but_head(network: Any) -> None:
    """The head alone learns."""
    for layer in network.layers:
        layer.trainable = layer.name == _HEAD


def freeze_statistics_only(network: Any) -> None:
    """All layers learn, but what was measured on ImageNet stays: the scaling, and batch normalization.

    Batches of few parts would measure worse.
    """
    from keras.layers import BatchNormalization

    for layer in network.layers:
        layer.trainable = layer.name != _ENTRY and not isinstance(layer, BatchNormalization)


def _entry_weights(scaling: Scaling, channels: int) -> list[NDArray[np.float32]]:
    """Kernel and bias of a convolution over one pixel: what we see, of 1 or 3 channels, to the scaled 3.

    Being a layer by itself it takes int8, and what the network pads with stays its own zero, which it
    would not if the scaling went into the first layer's weights.
    """
    order = slice(None, None, -1) if scaling.is_reversed else slice(None)
    kernel = (np.eye(3)[:, order] if channels == 3 else np.ones((1, 3))) / (PIXEL_STEP * scaling.deviation)
    bias = (PIXEL_ZERO - scaling.mean) / scaling.deviation
    return [kernel[np.newaxis, np.newaxis].astype(np.float32), bias.astype(np.float32)]


def _hasten_statistics(network: Any) -> None:
    """Batch normalization that follows within some ten steps, not the thousands that ImageNet takes."""
    from keras.layers import BatchNormalization

    for layer in network.layers:
        if isinstance(layer, BatchNormalization):
            layer.momentum = 0.9


def _blue_first(_: Weights) -> Scaling:
    return Scaling(_MEAN_BGR, np.ones(3), is_reversed=True)


def _efficient_net_scaling(weights: Weights) -> Scaling:
    """The mean and variance that come with the weights.

    To these Keras adds another root of the deviation, as the network was trained so.
    """
    found = next((arrays for name, arrays in weights.arrays.items() if name.startswith("normalization")), [])
    if len(found) < 2:
        return Scaling(_MEAN_RGB, _DEVIATION_RGB)
    mean, variance = (np.ravel(array).astype(np.float64) for array in found[:2])
    return Scaling(255 * mean, 255 * np.sqrt(np.maximum(variance, 1e-7) * _DEVIATION_RGB / 255))


def _mobile_net_v1(**options: Any) -> Any:
    from keras.applications import MobileNet

    return MobileNet(alpha=ALPHA, include_top=False, **options)


def _mobile_net_v2(**options: Any) -> Any:
    from keras.applications import MobileNetV2

    return MobileNetV2(include_top=False, **options)


def _mobile_net_v3(**options: Any) -> Any:
    from keras.applications import MobileNetV3Small

    return MobileNetV3Small(include_top=False, include_preprocessing=False, **options)


def _efficient_net_b0(**options: Any) -> Any:
    """Without Keras's own scaling layers, unless they are needed to load the weights."""
    from keras import layers, models
    from keras.applications import EfficientNetB0

    network = EfficientNetB0(include_top=False, **options)
    if options["weights"] is not None:
        return network

    def bare(layer: Any) -> Any:
        if isinstance(layer, layers.Rescaling | layers.Normalization):
            return layers.Identity(name=layer.name)
        return layer.from_config(layer.get_config())

    return models.clone_model(network, clone_function=bare)


def _resnet_50(**options: Any) -> Any:
    from keras.applications import ResNet50

    return ResNet50(include_top=False, **options)


def _vgg_16(**options: Any) -> Any:
    from keras.applications import VGG16

    return VGG16(include_top=False, **options)


PRETRAINED = {
    backbone.name: backbone
    for backbone in (
        # Howard et al. 2017 (arXiv:1704.04861), a quarter as wide
        PretrainedNetwork("mobilenet_v1", _mobile_net_v1),
        # Sandler et al. 2018 (arXiv:1801.04381)
        PretrainedNetwork("mobilenet_v2", _mobile_net_v2),
        # Howard et al. 2019 (arXiv:1905.02244), the small one
        PretrainedNetwork("mobilenet_v3", _mobile_net_v3),
        # Tan and Le 2019 (arXiv:1905.11946)
        PretrainedNetwork("efficientnet_b0", _efficient_net_b0, _efficient_net_scaling),
        # He et al. 2015 (arXiv:1512.03385)
        PretrainedNetwork("resnet50", _resnet_50, _blue_first),
        # Simonyan and Zisserman 2014 (arXiv:1409.1556)
        PretrainedNetwork("vgg16", _vgg_16, _blue_first),
    )
}
