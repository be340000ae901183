"""Where in the picture the defect is: a coarse map beside the logits, which the device can show.

A class activation map (Zhou et al. 2016, arXiv:1512.04150): the head's weights, place by place. What OK
parts show at the same place is taken off, so that a border and whatever all parts have stay cold. For
models of OK parts alone it is the distance of each place. docs/research/heatmap.md has the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, has_one_logit
from trainer.predict import each_batch

_LEAST = 1e-6
_STEPS = 255
_USUAL = 0.98  # of the places of good parts
_BEYOND = 4  # times what OK parts show, where no others show what to expect


@dataclass(frozen=True)
class Evidence:
    """Evidence for a defect: Keras tensors (N, h, w, C) of one size, side by side, times ``weights``.

    ``weights``: (all C,).
    """

    maps: Sequence[Any]
    weights: NDArray[np.float32]


def defect_direction(task: Task, outputs: int, ok_index: int | None) -> NDArray[np.float32] | None:
    """The sign of a defect in each logit, (outputs,); None where no class is OK, and no place a defect's."""
    if has_one_logit(task):
        return np.ones(1, np.float32)
    if ok_index is None:
        return None
    direction = np.full(outputs, 1 / (outputs - 1), np.float32)
    direction[ok_index] = -1
    return direction


def class_activation(network: Any, direction: NDArray[np.float32] | None) -> Evidence | None:
    """Of a network that ends in global average pooling and one dense layer; None for any other."""
    from keras import layers

    dense = _maker(network.outputs[0])
    if direction is None or not isinstance(dense, layers.Dense):
        return None
    pooling = _maker(dense.input)
    is_mean = isinstance(pooling, layers.DepthwiseConv2D) and pooling.output.shape[1:3] == (1, 1)
    if not (is_mean or isinstance(pooling, layers.GlobalAveragePooling2D)):
        return None
    return Evidence([pooling.input], dense.get_weights()[0] @ direction)


def _maker(tensor: Any) -> Any:
    """The layer that a tensor comes from, or the one before where this one only rounds or drops values."""
    from keras import layers

    from trainer.whole_numbers.fake_quantize import FakeQuantize, HalvesFromZero

    layer = tensor._keras_history.operation
    while isinstance(layer, FakeQuantize | HalvesFromZero | layers.Dropout | layers.Flatten):
        layer = layer.input._keras_history.operation
    return layer


def distance_by_place(network: Any) -> Evidence:
    """Of a model of OK parts alone, which decides by the strangest place: how strange each one is.

    From before the largest is taken, and before what is large for a logit is cut off.
    """
    from keras import layers

    pooling = next(layer for layer in network.layers if isinstance(layer, layers.GlobalMaxPooling2D))
    average = pooling.input._keras_history.operation
    if not isinstance(average, layers.Conv2D):  # it rounds what the average says
        average = average.input._keras_history.operation
    # Not by the very weights of the average: the converter would make one layer of both, with one range.
    weights = average.get_weights()[0].ravel()
    last = network.outputs[0]._keras_history.operation
    if isinstance(last, layers.Dense):  # from a reconstruction's error to a logit
        weights = weights * last.get_weights()[0].item()
    else:  # from a logit to deviations
        weights = weights / weights.sum()
    return Evidence([average.input], weights)


def with_heatmap(
    network: Any, evidence: Evidence, pixels: NDArray[np.uint8], is_ok: NDArray[np.bool_]
) -> Any:
    """The same network with a second output, the map (N, h, w, 1): higher where a defect is more likely.

    ``pixels``, uint8 (N, H, W, C), show what is to be expected; ``is_ok`` (N,) of them are OK parts. The
    logits stay as they are. A place's value is what the logit would gain if all places were like it. Without
    a map where all that differs would be lost in an int8 step of what it is made of.
    """
    from keras import Model, layers, ops

    from trainer.whole_numbers.fake_quantize import FakeQuantize, around_zero, round_weights

    maps = layers.Concatenate()(evidence.maps) if len(evidence.maps) > 1 else evidence.maps[0]
    weigh = layers.Conv2D(1, 1, name="evidence")
    values = weigh(maps)
    kernel = evidence.weights.reshape(1, 1, -1, 1)
    weigh.set_weights([kernel, np.zeros(1, np.float32)])
    peaks = layers.GlobalMaxPooling2D()(ops.absolute(maps))
    batches = list(each_batch(Model(network.inputs[0], [values, peaks]), pixels, "where"))
    found, peak = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    usual = found[is_ok].mean(axis=0)
    largest = max(float((peak * np.abs(evidence.weights)).max()), float(np.abs(found).max()))
    if np.abs(found - usual).max() <= largest / _STEPS:
        return network
    weigh.set_weights([kernel, np.full(1, -usual.mean(), np.float32)])
    found, usual = found - usual.mean(), usual - usual.mean()
    if not any(isinstance(layer, FakeQuantize) for layer in network.layers):
        return with_outputs(network, ops.subtract(values, usual))
    most = max(float(np.abs(found).max()), float(np.abs(found - usual).max()), _LEAST)
    rounding = around_zero(most * (_BEYOND if is_ok.all() else 1))
    heat = rounding(ops.subtract(rounding(values), usual))
    network = with_outputs(network, heat)
    round_weights(network)
    return network


def heat_of(network: Any, pixels: NDArray[np.uint8], reference: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The map of a network that has one, (N, H, W), from 0 to 1, as large as uint8 pixels (N, H, W, C).

    0 is what most places of ``reference``, uint8 (M, H, W, C), do not reach, 1 the highest place of each
    picture.
    """
    height, width = pixels.shape[1:3]
    usual = np.quantile(_map_of(network, reference), _USUAL)
    found = []
    for heat in _map_of(network, pixels):
        above = np.clip((heat - usual) / max(float(heat.max() - usual), _LEAST), 0, 1)
        found.append(cv2.resize(above, (width, height), interpolation=cv2.INTER_LINEAR))
    return np.asarray(found, np.float32)


def _map_of(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate([heat[..., 0] for _, heat in each_batch(network, pixels, "where")])


def with_outputs(network: Any, heat: Any) -> Any:
    """A network with logits and a map."""
    from keras import Model

    return Model(network.inputs[0], [network.outputs[0], heat], name=network.name)


def logits_alone(network: Any) -> Any:
    """Of a network with or without a map."""
    from keras import Model

    return Model(network.inputs[0], network.outputs[0], name=network.name)
