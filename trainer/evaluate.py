"""Scores, the threshold, and figures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.decision import Thresholds, class_probabilities, decide, defect_scores
from edge.figures import Figures, Labelled, compute_figures
from trainer.dataset import Dataset

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


def figures_of(dataset: Dataset, logits: NDArray[np.float32], thresholds: Thresholds) -> Figures:
    """Figures of a data set whose logits are known."""
    probabilities = class_probabilities(logits, dataset.task)
    scores = defect_scores(probabilities, dataset.ok_index)
    inspections = [
        Labelled(
            photograph.label,
            decide(float(score), thresholds),
            dataset.classes[int(row.argmax())],
            float(score),
        )
        for photograph, score, row in zip(dataset.photographs, scores, probabilities, strict=True)
    ]
    return compute_figures(inspections, task=dataset.task, classes=dataset.classes, ok_class=dataset.ok_class)
