"""What a network says of photographs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

_BATCH = 64


def to_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network sees, float32: (pixel - 128) / 127.5, the quantization of the later uint8 input."""
    return (pixels.astype(np.float32) - 128) / np.float32(127.5)


def predict_logits(
    model: Any, pixels: NDArray[np.uint8], at: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Logits (N, outputs) of uint8 pixels (N, H, W, C), or of those at some positions, a batch at a time."""
    return predict_batches(model, pixels, "deciding", at)


def predict_batches(
    model: Any, pixels: NDArray[np.uint8], name: str, at: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """What a Keras model says of uint8 pixels (N, H, W, C), with a progress bar of this name.

    Only a batch of them is read at a time; ``at``: positions, by default all.
    """
    import tensorflow as tf

    shape = tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)
    run = tf.function(lambda batch: model(batch, training=False), input_signature=[shape])
    positions = np.arange(len(pixels)) if at is None else at
    outputs = []
    with tqdm(total=len(positions), desc=name, unit="image", disable=None) as bar:
        for start in range(0, len(positions), _BATCH):
            batch = to_input(pixels[positions[start : start + _BATCH]])
            outputs.append(run(tf.constant(batch)).numpy())
            bar.update(len(batch))
    return np.concatenate(outputs).astype(np.float32)
