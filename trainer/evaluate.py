"""What a network says of photographs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

_BATCH = 64


def to_input(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the network sees, float32: (pixel - 128) / 127.5, the quantization of the later uint8 input."""
    return (pixels.astype(np.float32) - 128) / np.float32(127.5)


def predict_logits(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits (N, outputs) of uint8 pixels (N, H, W, C), a batch at a time."""
    return predict_batches(model, pixels, "deciding")


def predict_batches(model: Any, pixels: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    """What a Keras model says of uint8 pixels (N, H, W, C), with a progress bar of this name."""
    import tensorflow as tf

    shape = tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)
    run = tf.function(lambda batch: model(batch, training=False), input_signature=[shape])
    outputs = []
    with tqdm(total=len(pixels), desc=name, unit="image", disable=None) as bar:
        for start in range(0, len(pixels), _BATCH):
            batch = to_input(pixels[start : start + _BATCH])
            outputs.append(run(tf.constant(batch)).numpy())
            bar.update(len(batch))
    return np.concatenate(outputs).astype(np.float32)
