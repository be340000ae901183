"""Predictions of a network for photographs."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.preprocess import to_network_input

_BATCH_PIXELS = 64 * 160 * 160  # what a network makes of them at a time takes half a gigabyte


def predict_logits(
    model: Any, pixels: NDArray[np.uint8], at: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Logits (N, outputs) of uint8 pixels (N, H, W, C), or of those at some positions, a batch at a time."""
    return predict_batches(model, pixels, "deciding", at)


def predict_batches(
    model: Any, pixels: NDArray[np.uint8], name: str, at: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """The outputs of a Keras model for uint8 pixels (N, H, W, C), with a progress bar of this name.

    Only a batch of them is read at a time; ``at``: positions, by default all.
    """
    found = [outputs[0] for outputs in each_batch(model, pixels, name, at)]
    return np.concatenate(found).astype(np.float32)


def each_batch(
    model: Any, pixels: NDArray[np.uint8], name: str, at: NDArray[np.int64] | None = None
) -> Iterator[list[NDArray[np.float32]]]:
    """All outputs of a Keras model, a batch of photographs at a time."""
    import tensorflow as tf

    shape = tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)
    run = tf.function(lambda batch: model(batch, training=False), input_signature=[shape])
    positions = np.arange(len(pixels)) if at is None else at
    size = max(1, _BATCH_PIXELS // (pixels.shape[1] * pixels.shape[2]))
    with tqdm(total=len(positions), desc=name, unit="image", disable=None) as bar:
        for start in range(0, len(positions), size):
            batch = to_network_input(pixels[positions[start : start + size]])
            outputs = run(tf.constant(batch))
            yield [one.numpy() for one in (outputs if isinstance(outputs, list) else [outputs])]
            bar.update(len(batch))
