"""The whole network: a head on features, the strongest place and the distance from OK parts, as one graph."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.head import Head
from trainer.methods.frozen.feature_maps import LARGEST_DEVIATION, Maps
from trainer.methods.frozen.place_score import WINDOW, PlaceScore
from trainer.models.heatmap import Evidence as HeatEvidence

LARGEST_LOGIT, _LEAST_LOGIT = 8.0, 0.1  # scores of 0.9997 and 0.52
_AT_ONCE = 5  # parts that XNNPACK joins


@dataclass(frozen=True)
class Say:
    """A number's share of logits: ``weights`` (outputs,) times it, less ``mean``, over ``deviation``."""

    mean: float
    deviation: float
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """A Keras tensor of standardized values, rounded, (N, D), and the rows (D, outputs) that weigh them.

    ``set_weights`` is called once the network is built.
    """

    values: Any
    rows: NDArray[np.float32]
    set_weights: Callable[[], None]


def head_parts(maps: Maps, head: Head) -> list[Part]:
    """The inputs of a head: each channel of each summary, standardized while it is averaged.

    By a depthwise convolution as large as its map. Plain means would share one int8 scale, and the small
    ones of them would be lost in it.
    """
    from keras import layers

    from trainer.whole_numbers.fake_quantize import around_zero

    parts, start = [], 0
    for values in maps.summaries:
        height, width, channels = values.shape[1:]
        mine = slice(start, start + channels)
        start += channels
        layer = layers.DepthwiseConv2D((height, width))
        standardized = layers.Flatten()(around_zero(LARGEST_DEVIATION)(layer(values)))
        deviation = head.deviation[mine]
        kernel = np.broadcast_to(1 / (deviation * height * width), (height, width, channels))
        weights = [kernel[..., np.newaxis], -head.mean[mine] / deviation]
        parts.append(Part(standardized, head.kernel[mine], partial(layer.set_weights, weights)))
    return parts


def place_part(places: Any, score: PlaceScore, say: Say) -> tuple[Part, HeatEvidence]:
    """The strongest window of ``places``, a Keras tensor (N, h, w, C), and the map that shows where it is.

    One convolution scores all windows: the mean of the scores is the score of the mean.
    """
    from keras import layers

    from trainer.whole_numbers.fake_quantize import around_zero

    height, width, channels = places.shape[1:]
    window = min(WINDOW, height), min(WINDOW, width)
    layer = layers.Conv2D(1, window, name="place_score")
    heat = around_zero(LARGEST_DEVIATION)(layer(places))
    kernel = np.broadcast_to(score.kernel / (say.deviation * window[0] * window[1]), (*window, channels))
    weights = [kernel[..., np.newaxis], np.full(1, (score.bias - say.mean) / say.deviation, np.float32)]
    strongest = layers.Flatten()(layers.GlobalMaxPooling2D()(heat))
    part = Part(strongest, say.weights[np.newaxis], partial(layer.set_weights, weights))
    return part, HeatEvidence([heat], np.ones(1, np.float32))


def assemble(
    maps: Maps, parts: Sequence[Part], bias: NDArray[np.float32], *, name: str, largest_logit: float
) -> Any:
    """A Keras model from (N, H, W, C) in -1…1 to logits (N, outputs): ``bias`` and what all parts add.

    Logits beyond ``largest_logit`` and LARGEST_LOGIT are cut off: int8 has 256 values for all.
    """
    from keras import Model, layers

    from trainer.whole_numbers.fake_quantize import around_zero, round_weights

    dense = layers.Dense(len(bias), name="head")
    joined = _concatenated([part.values for part in parts])
    limit = min(max(largest_logit, _LEAST_LOGIT), LARGEST_LOGIT)
    network = Model(maps.network.inputs[0], around_zero(limit)(dense(joined)), name=name)
    for part in parts:
        part.set_weights()
    dense.set_weights([np.concatenate([part.rows for part in parts]), bias])
    round_weights(network)
    return network


def _concatenated(parts: Sequence[Any]) -> Any:
    """In one; XNNPACK takes few at once."""
    from keras import layers

    while len(parts) > 1:
        groups = [parts[start : start + _AT_ONCE] for start in range(0, len(parts), _AT_ONCE)]
        parts = [layers.Concatenate()(group) if len(group) > 1 else group[0] for group in groups]
    return parts[0]
