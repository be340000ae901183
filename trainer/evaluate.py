"""Scores, the threshold, and figures."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.decision import Task, Thresholds, class_probabilities, decide, defect_scores
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

    run = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True)
    outputs = []
    with tqdm(total=len(pixels), desc=name, unit="image", disable=None) as bar:
        for start in range(0, len(pixels), _BATCH):
            batch = to_input(pixels[start : start + _BATCH])
            outputs.append(run(tf.constant(batch)).numpy())
            bar.update(len(batch))
    return np.concatenate(outputs).astype(np.float32)


def choose_thresholds(
    logits: NDArray[np.float32], labels: NDArray[np.int64], *, task: Task, ok_index: int | None, chosen: str
) -> Thresholds:
    """One threshold at the best balanced accuracy, in the middle of the widest such gap of the logits."""
    if ok_index is None:
        return Thresholds(ok_below=0.5, defect_from=0.5, chosen="without an OK class it has no meaning")
    scores = defect_scores(class_probabilities(logits, task), ok_index)
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    positions = np.log(bounded / (1 - bounded))
    is_defect = labels != ok_index
    edges = np.unique(positions)
    cuts = np.concatenate([[edges[0] - 1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 1]])
    widths = np.concatenate([[0], np.diff(edges), [0]])
    ordered_bad, ordered_good = np.sort(positions[is_defect]), np.sort(positions[~is_defect])
    found = 1 - np.searchsorted(ordered_bad, cuts) / max(1, len(ordered_bad))
    passed = np.searchsorted(ordered_good, cuts) / max(1, len(ordered_good))
    balanced = np.round((found + passed) / 2, 12)
    best = np.flatnonzero(balanced == balanced.max())
    cut = cuts[best[np.argmax(widths[best])]]
    threshold = float(1 / (1 + np.exp(-cut)))
    return Thresholds(ok_below=threshold, defect_from=threshold, chosen=chosen)


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
