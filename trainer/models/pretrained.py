"""The default: features of a pretrained MobileNet, and a linear head.

Of several blocks of the trunk, which is left as ImageNet made it, the mean of each channel over the
picture and its mean positive deviation go into one linear layer: what a texture is like, and how
uneven it is. Fine tuning did worse on parts that training never saw; docs/experiments.md has the
figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.backbones.mobilenet_v1 import MobileNetV1
from trainer.backbones.whole_numbers import in_whole_numbers
from trainer.head import Head
from trainer.methods.padim.gaussians import Strangeness
from trainer.methods.padim.graph import add_distance
from trainer.models.heatmap import Evidence
from trainer.weights import Weights

BLOCKS = (4, 5, 6, 7, 9, 11)
PLACE_BLOCKS = (9, 11)
LARGEST_DEVIATION = 8.0  # of a standardized feature: what is beyond is cut off
LARGEST_LOGIT, _LEAST_LOGIT = 8.0, 0.1  # scores of 0.9997 and 0.52
_LARGE = 6  # places a side from which on four are one
_AT_ONCE = 5  # parts that XNNPACK joins
_FEW, _SMALL = 5, 8  # places a side from which on a map is standardized and summed at once


@dataclass(frozen=True)
class Look:
    """What a head looks at: the mean of each channel of some blocks, and its mean positive deviation.

    ``place_blocks``: in whose maps, all of one size, each place is compared with that place of OK parts.
    """

    blocks: tuple[int, ...]
    has_deviations: bool = False
    place_blocks: tuple[int, ...] = ()


LAST = Look((13,))  # what is usually taken from a frozen network
MEANS = Look(BLOCKS)
MEANS_AND_DEVIATIONS = Look(BLOCKS, has_deviations=True)
WITH_PLACES = Look(BLOCKS, has_deviations=True, place_blocks=PLACE_BLOCKS)
FEW = Look((4, 5, 7), has_deviations=True, place_blocks=(7,))  # two fifths of the bytes, a third of the time


def build_maps(look: Look, weights: Weights, pixels: NDArray[np.uint8], *, seed: int) -> Any:
    """A Keras model: float32 (N, H, W, C) in -1…1 to the maps whose means are the features.

    ``pixels``, uint8 (N, H, W, C), show what is to be expected; see `in_whole_numbers`. Raises InputError
    where the weights are not of this network.
    """
    from keras import Model, layers

    from trainer.models.fake_quantize import FakeQuantize, range_of

    _, height, width, channels = pixels.shape
    taps = [f"block{block}" for block in look.blocks]
    trunk = MobileNetV1(weights).build(height, width, channels, taps)
    trunk = in_whole_numbers(trunk, pixels, seed=seed)
    maps = []
    for values in trunk.outputs:
        pooled = _pool(values)
        maps.append(pooled)
        if look.has_deviations:
            mean = _average(pooled, pooled.shape[1:3])
            above = layers.ReLU()(layers.Subtract()([values, mean]))
            maps.append(_pool(FakeQuantize(*range_of(values))(above)))
    return Model(trunk.input, maps, name="maps")


def build_features(maps: Any) -> Any:
    """The same network to features (N, D): the mean of each channel of each map."""
    from keras import Model, layers

    means = [layers.GlobalAveragePooling2D()(values) for values in maps.outputs]
    joined = layers.Concatenate()(means) if len(means) > 1 else means[0]
    return Model(maps.input, joined, name="features")


def build_place_map(maps: Any, look: Look) -> Any:
    """Of what `build_maps` made, the map in which each place is compared with that place of OK parts.

    Four places of a large map count as one: that decides as well, and is a third of the bundle.
    """
    from keras import Model

    values = _side_by_side(maps, look.place_blocks)
    side = 2 if min(values.shape[1:3]) >= _LARGE else 1
    return Model(maps.input, _average(values, (side, side)), name="places")


def with_head(
    maps: Any,
    look: Look,
    head: Head,
    *,
    name: str,
    largest_logit: float,
    strangeness: Strangeness | None = None,
) -> Any:
    """The whole network, to logits (N, outputs); with ``strangeness``, that has its say in them.

    Each channel is standardized while it is averaged, by a depthwise convolution as large as its
    map. Plain means would share one int8 scale, and the small ones of them would be lost in it.
    Logits beyond ``largest_logit`` and LARGEST_LOGIT are cut off: int8 has 256 values for all.
    """
    from keras import Model, layers

    from trainer.models.fake_quantize import around_zero, round_weights

    standardized, start = [], 0
    setters: list[Callable[[], None]] = []
    for values in maps.outputs:
        height, width, channels = values.shape[1:]
        mean = head.mean[start : start + channels]
        deviation = head.deviation[start : start + channels]
        start += channels
        layer = layers.DepthwiseConv2D((height, width))
        rounded = around_zero(LARGEST_DEVIATION)(layer(values))
        standardized.append(layers.Flatten()(rounded))
        kernel = np.broadcast_to(1 / (deviation * height * width), (height, width, channels))
        setters.append(partial(layer.set_weights, [kernel[..., np.newaxis], -mean / deviation]))
    rows = [head.kernel]
    if strangeness is not None:
        distance, set_weights = add_distance(
            build_place_map(maps, look).output,
            strangeness.gaussians,
            mean=strangeness.mean,
            deviation=strangeness.deviation,
            most=LARGEST_DEVIATION,
        )
        standardized.append(distance)
        setters.append(set_weights)
        rows.append(strangeness.weights[np.newaxis])
    dense = layers.Dense(head.kernel.shape[1], name="head")
    joined = _concatenated(standardized)
    limit = min(max(largest_logit, _LEAST_LOGIT), LARGEST_LOGIT)
    network = Model(maps.input, around_zero(limit)(dense(joined)), name=name)
    for set_weights in setters:
        set_weights()
    dense.set_weights([np.concatenate(rows), head.bias])
    round_weights(network)
    return network


def evidence_of(maps: Any, look: Look, head: Head, direction: NDArray[np.float32]) -> Evidence:
    """What speaks for a defect at each place of the coarsest maps, by the head's weights of their means.

    ``direction``: (outputs,), see trainer/models/heatmap.py. Finer maps, and the deviations, point at the
    defect less well (docs/heatmap.md).
    """
    kernel = head.kernel @ direction / head.deviation
    coarsest = _map_of(maps, look.blocks[-1]).shape[1:3]
    chosen, weights, start = [], [], 0
    for block in look.blocks:
        values = _map_of(maps, block)
        channels = values.shape[-1]
        if values.shape[1:3] == coarsest:
            chosen.append(values)
            weights.append(kernel[start : start + channels])
        start += channels * (2 if look.has_deviations else 1)
    return Evidence(chosen, np.concatenate(weights))


def _side_by_side(maps: Any, blocks: Sequence[int]) -> Any:
    return _concatenated([_map_of(maps, block) for block in blocks])


def _map_of(maps: Any, block: int) -> Any:
    return maps.get_layer(f"conv_pw_{block}_rounded").output


def _concatenated(parts: Sequence[Any]) -> Any:
    """In one; XNNPACK takes few at once."""
    from keras import layers

    while len(parts) > 1:
        groups = [parts[start : start + _AT_ONCE] for start in range(0, len(parts), _AT_ONCE)]
        parts = [layers.Concatenate()(group) if len(group) > 1 else group[0] for group in groups]
    return parts[0]


def _pool(values: Any) -> Any:
    """A map, averaged over windows, see `_window`, where it is large."""
    height, width = values.shape[1:3]
    return _average(values, (_window(height), _window(width)))


def _average(values: Any, window: tuple[int, int]) -> Any:
    """The means of a map over windows, rounded.

    By a convolution: XNNPACK runs no average pooling in int8, and what does rounds otherwise.
    """
    from keras import layers

    from trainer.models.fake_quantize import FakeQuantize, range_of

    if window == (1, 1):
        return values
    mean = layers.DepthwiseConv2D(window, strides=window, use_bias=False)
    averaged = FakeQuantize(*range_of(values))(mean(values))
    mean.set_weights([np.full((*window, values.shape[-1], 1), 1 / (window[0] * window[1]), np.float32)])
    return averaged


def _window(side: int) -> int:
    """The smallest part of ``side`` that leaves 2 to _FEW places, or else at most _SMALL."""
    windows = [window for window in range(1, side + 1) if side % window == 0 and side // window <= _SMALL]
    return next((window for window in windows if 2 <= side // window <= _FEW), windows[0])
