"""Where in a photograph the network sees what speaks for its decision.

The gradient of the decision times the maps that the network computes, as in Grad-CAM (Selvaraju et
al. 2017, arXiv:1610.02391), but place by place, as in HiResCAM (Draelos and Carin 2020,
arXiv:2011.08891): one weight for a whole map finds no thin crack in features that describe texture.
Each place counts from what reference photographs show there, so that what all parts have, and the
border that padding makes, explain nothing; and all maps between fine and coarse have a say, because
the default decides by several blocks. docs/research/experiments.md has the figures.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.preprocess import to_network_input

_FINEST, _COARSEST = 4, 5  # a map has at most a quarter of the picture's side, and at least 5 places
_BATCH = 16


def explain(
    network: Any, pixels: NDArray[np.uint8], outputs: NDArray[np.int64], reference: NDArray[np.uint8]
) -> NDArray[np.float32] | None:
    """Heat (N, H, W), 0 to 1: how much each place of each picture speaks for an output of it.

    ``pixels``: uint8 (N, H, W, C); ``outputs``: which logit (N,) is asked about; ``reference``: uint8
    (M, H, W, C), good parts where there are any. None where the network has no maps to ask.
    """
    import keras

    maps = _maps(network)
    if not maps:
        return None
    graph = keras.Model(network.input, [*maps, network.output])
    usual = _usual(graph, reference)
    found = [
        _heat(graph, pixels[start : start + _BATCH], outputs[start : start + _BATCH], usual)
        for start in range(0, len(pixels), _BATCH)
    ]
    return np.concatenate(found) if found else np.zeros(pixels.shape[:3], np.float32)


def _maps(network: Any) -> list[Any]:
    """The outputs of the network's activations, where they are still pictures."""
    height, width = network.input.shape[1:3]
    chosen = []
    for layer in network.layers:
        kind, shape = type(layer).__name__, tuple(getattr(layer.output, "shape", ()))
        is_activation = kind in ("ReLU", "Activation") or getattr(layer, "activation", None) is not None
        if not is_activation or len(shape) != 4 or None in shape[1:3]:
            continue
        if min(shape[1:3]) >= _COARSEST and shape[1] <= height // _FINEST and shape[2] <= width // _FINEST:
            chosen.append(layer.output)
    return chosen


def _usual(graph: Any, reference: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """The mean of each map, (h, w, channels), over the reference photographs."""
    sums: list[NDArray[np.float32]] = []
    for start in range(0, len(reference), _BATCH):
        *maps, _ = graph(to_network_input(reference[start : start + _BATCH]), training=False)
        batch = [values.numpy().sum(axis=0) for values in maps]
        sums = [before + more for before, more in zip(sums, batch, strict=True)] if sums else batch
    return [np.asarray(values / len(reference), np.float32) for values in sums]


def _heat(
    graph: Any, pixels: NDArray[np.uint8], outputs: NDArray[np.int64], usual: list[NDArray[np.float32]]
) -> NDArray[np.float32]:
    import tensorflow as tf

    height, width = pixels.shape[1:3]
    entry = tf.constant(to_network_input(pixels))
    with tf.GradientTape() as tape:
        tape.watch(entry)
        *maps, logits = graph(entry, training=False)
        asked = tf.reduce_sum(tf.gather(logits, outputs[:, np.newaxis], batch_dims=1))
    heat = np.zeros((len(pixels), height, width), np.float32)
    for values, expected, gradient in zip(maps, usual, tape.gradient(asked, maps), strict=True):
        if gradient is None:  # a branch that this output does not ask
            continue
        speaks_for = tf.nn.relu(tf.reduce_sum(gradient * (values - expected), -1)).numpy()
        for number, picture in enumerate(speaks_for):
            heat[number] += cv2.resize(picture / max(float(picture.max()), 1e-9), (width, height))
    return np.asarray(heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), 1e-9))
