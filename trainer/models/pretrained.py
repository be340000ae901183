"""The default: features of a pretrained MobileNet, and a linear head.

MobileNetV1 (Howard et al. 2017, arXiv:1704.04861) a quarter as wide, up to its eleventh block,
left as ImageNet made it. Of several blocks the mean of each channel over the picture and its mean
positive deviation go into one linear layer: what a texture is like, and how uneven it is. Fine
tuning did worse on parts that training never saw; docs/experiments.md has the figures.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.head import Head
from trainer.models.anomaly import add_distance
from trainer.normality import Strangeness
from trainer.weights import Weights

ALPHA = 0.25
BLOCKS = (4, 5, 6, 7, 9, 11)
LAST_BLOCK = 13
PLACE_BLOCKS = (9, 11)
_RELU6, _MARGIN, _MOST = 6.0, 1.1, 1000.0
_LARGE = 8  # places a side from which on four are one
_SMALL = 5  # pixels a side from which on a map is standardized and summed at once


def download() -> Any:
    """The Keras model with ImageNet weights, from Keras's cache or the network."""
    from keras.applications import MobileNet

    return MobileNet(input_shape=(160, 160, 3), alpha=ALPHA, include_top=False, weights="imagenet")


def build_trunk(height: int, width: int, channels: int, weights: Weights, *, blocks: tuple[int, ...]) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to the maps of these blocks of the MobileNet.

    Raises InputError where the weights are not of this network.
    """
    from keras import Model
    from keras.applications import MobileNet

    backbone = MobileNet(input_shape=(height, width, channels), alpha=ALPHA, include_top=False, weights=None)
    outputs = [backbone.get_layer(f"conv_pw_{block}_relu").output for block in blocks]
    trunk = Model(backbone.input, outputs, name="MobileNet (alpha 0.25)")
    weights.give(trunk)
    return trunk


def build_last_map(height: int, width: int, channels: int, weights: Weights) -> Any:
    """The same to the last map alone, whose means are what is usually taken from a frozen network."""
    return build_trunk(height, width, channels, weights, blocks=(LAST_BLOCK,))


def build_block_maps(height: int, width: int, channels: int, weights: Weights) -> Any:
    """The same to the maps of several blocks, from fine to coarse."""
    return build_trunk(height, width, channels, weights, blocks=BLOCKS)


def build_maps(height: int, width: int, channels: int, weights: Weights) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to the maps whose means are the features.

    Raises InputError where the weights are not of this network.
    """
    from keras import Model, layers

    trunk = build_block_maps(height, width, channels, weights)
    maps = []
    for values in trunk.outputs:
        mean = layers.GlobalAveragePooling2D(keepdims=True)(values)
        maps += [values, layers.ReLU()(layers.Subtract()([values, mean]))]
    return Model(trunk.input, maps, name="maps")


def equalize(maps: Any, pixels: NDArray[np.float32]) -> None:
    """Let every channel use the whole range of its ReLU6, in place; what the network says stays.

    A channel that never exceeds a tenth of the range has a tenth of the int8 steps. Its layer is
    scaled up, and the next layer's weights for it down: Nagel et al. 2019 (arXiv:1906.04721), with
    the ranges that ``pixels``, float32 (N, H, W, C), show. Beyond these, with a margin, the channel
    is cut off.
    """
    from keras import Model

    chain = [layer for layer in maps.layers if layer.name.endswith("_relu")]
    peaks = Model(maps.input, [layer.output for layer in chain])
    highest = None
    for start in range(0, len(pixels), 64):
        batch = [np.max(v.numpy(), axis=(0, 1, 2)) for v in peaks(pixels[start : start + 64], training=False)]
        highest = (
            batch if highest is None else [np.maximum(a, b) for a, b in zip(highest, batch, strict=True)]
        )
    for layer, peak, following in zip(chain, highest or [], [*chain[1:], None], strict=True):
        scale = np.clip(_RELU6 / (_MARGIN * np.maximum(peak, 1e-3)), 1, _MOST).astype(np.float32)
        if "_dw_" in layer.name:
            scale = np.sqrt(scale)
        norm = maps.get_layer(_before(layer.name, "_bn"))
        gamma, beta, mean, variance = norm.get_weights()
        norm.set_weights([gamma * scale, beta * scale, mean, variance])
        if following is not None:
            convolution = maps.get_layer(_before(following.name, ""))
            (kernel,) = convolution.get_weights()
            convolution.set_weights([kernel / scale[:, np.newaxis]])


def _before(activation: str, ending: str) -> str:
    """Keras names the three layers of a block conv_pw_1, conv_pw_1_bn, conv_pw_1_relu."""
    return activation.removesuffix("_relu") + ending


def build_features(maps: Any) -> Any:
    """The same network to features (N, D): the mean of each channel of each map."""
    from keras import Model, layers

    means = [layers.GlobalAveragePooling2D()(values) for values in maps.outputs]
    joined = layers.Concatenate()(means) if len(means) > 1 else means[0]
    return Model(maps.input, joined, name="features")


def build_place_map(maps: Any) -> Any:
    """Of what `build_maps` made, the map in which each place is compared with that place of OK parts.

    Four places of a large map count as one: that decides as well, and is a third of the bundle.
    """
    from keras import Model, layers

    values = layers.Concatenate()([maps.outputs[2 * BLOCKS.index(block)] for block in PLACE_BLOCKS])
    if min(values.shape[1:3]) >= _LARGE:
        values = layers.AveragePooling2D(2)(values)
    return Model(maps.input, values, name="places")


def with_head(maps: Any, head: Head, *, name: str, strangeness: Strangeness | None = None) -> Any:
    """The whole network, to logits (N, outputs); with ``strangeness``, that has its say in them.

    Each channel is standardized while it is averaged, by a depthwise convolution as large as its
    map. Plain means would share one int8 scale, and the small ones of them would be lost in it.
    """
    from keras import Model, layers

    standardized, start = [], 0
    setters: list[Callable[[], None]] = []
    for output in maps.outputs:
        pool = _pool(output.shape[1]), _pool(output.shape[2])
        values = output if pool == (1, 1) else layers.AveragePooling2D(pool)(output)
        height, width, channels = values.shape[1:]
        mean = head.mean[start : start + channels]
        deviation = head.deviation[start : start + channels]
        start += channels
        layer = layers.DepthwiseConv2D((height, width))
        standardized.append(layers.Flatten()(layer(values)))
        kernel = np.broadcast_to(1 / (deviation * height * width), (height, width, channels))
        setters.append(partial(layer.set_weights, [kernel[..., np.newaxis], -mean / deviation]))
    rows = [head.kernel]
    if strangeness is not None:
        distance, set_weights = add_distance(
            build_place_map(maps).output,
            strangeness.normality,
            mean=strangeness.mean,
            deviation=strangeness.deviation,
        )
        standardized.append(distance)
        setters.append(set_weights)
        rows.append(strangeness.weights[np.newaxis])
    dense = layers.Dense(head.kernel.shape[1], name="head")
    joined = layers.Concatenate()(standardized) if len(standardized) > 1 else standardized[0]
    network = Model(maps.input, dense(joined), name=name)
    for set_weights in setters:
        set_weights()
    dense.set_weights([np.concatenate(rows), head.bias])
    return network


def _pool(side: int) -> int:
    """The smallest whole part of ``side`` that leaves at most _SMALL pixels."""
    return next((pool for pool in range(1, side + 1) if side % pool == 0 and side // pool <= _SMALL), 1)
