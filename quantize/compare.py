"""Float against int8 on every validation image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.decision import Task, Thresholds, Verdict, class_probabilities, decide, defect_scores, has_one_logit
from edge.figures import Figures, Labelled, compute_figures
from edge.model import Model
from edge.preprocess import to_network_input
from quantize.run import Run, logits_alone

_BATCH = 64


@dataclass(frozen=True)
class Flip:
    """A photograph on which int8 decides otherwise than float; ``is_escape``: it passes a defect anew."""

    file: str
    label: str
    float_decides: str
    int8_decides: str
    float_score: float
    int8_score: float
    is_escape: bool


@dataclass(frozen=True)
class Strange:
    """Of pictures made strange: how many float rejects, and how many of these int8 passes."""

    rejected: int
    passed: int


@dataclass(frozen=True)
class Comparison:
    """What int8 changed. ``raw``: the int8 outputs (N, outputs); ``scores``: the int8 scores (N,).

    ``strange``: for models of OK parts alone, whose validation images may hold no defect.
    """

    float32: Figures
    int8: Figures
    flips: list[Flip]
    largest_shift: float
    mean_shift: float
    raw: NDArray[np.int8]
    scores: NDArray[np.float64]
    strange: Strange | None = None


@dataclass(frozen=True)
class _Side:
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def decides(self, position: int, task: Task, classes: Sequence[str], thresholds: Thresholds) -> str:
        if has_one_logit(task):
            return decide(float(self.scores[position]), thresholds).value
        return classes[int(self.probabilities[position].argmax())]


def compare(network: Any, model: Model, run: Run, pixels: NDArray[np.uint8]) -> Comparison:
    """Run both on ``pixels``, uint8 (N, H, W, C), in the order of ``run.validation``."""
    ok_index = None if run.ok_class is None else run.classes.index(run.ok_class)
    probabilities = class_probabilities(_logits(network, pixels), run.task)
    float_side = _Side(defect_scores(probabilities, ok_index), probabilities)
    raw, predictions = [], []
    for image in tqdm(pixels, desc="comparing", unit="image", disable=None):
        prediction = model.predict(image)
        raw.append(prediction.raw)
        predictions.append(prediction)
    int8_side = _Side(
        np.array([prediction.score for prediction in predictions]),
        np.stack([prediction.probabilities for prediction in predictions]),
    )
    shift = np.abs(float_side.scores - int8_side.scores)
    if ok_index is None:
        shift = np.abs(float_side.probabilities - int8_side.probabilities).max(axis=1)
    return Comparison(
        float32=_figures(float_side, run),
        int8=_figures(int8_side, run),
        flips=_flips(float_side, int8_side, run),
        largest_shift=float(shift.max()),
        mean_shift=float(shift.mean()),
        raw=np.array(raw, np.int8),
        scores=int8_side.scores,
    )


def compare_strange(network: Any, model: Model, run: Run, pixels: NDArray[np.uint8]) -> Strange:
    """Run both on pictures made strange, uint8 (N, H, W, C)."""
    probabilities = class_probabilities(_logits(network, pixels), run.task)
    scores = defect_scores(probabilities, run.classes.index(run.ok_class) if run.ok_class else None)
    rejected = [
        image
        for image, score in zip(pixels, scores, strict=True)
        if decide(float(score), run.thresholds) != Verdict.OK
    ]
    passed = [decide(model.predict(image).score, run.thresholds) == Verdict.OK for image in rejected]
    return Strange(len(rejected), sum(passed))


def _logits(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import tensorflow as tf

    shape = tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)
    graph = logits_alone(network)
    decide_all = tf.function(lambda batch: graph(batch, training=False), input_signature=[shape])
    batches = [to_network_input(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)]
    return np.concatenate([decide_all(batch).numpy() for batch in batches])


def _flips(float_side: _Side, int8_side: _Side, run: Run) -> list[Flip]:
    flips = []
    passed = Verdict.OK.value if has_one_logit(run.task) else run.ok_class
    for position, item in enumerate(run.validation):
        before = float_side.decides(position, run.task, run.classes, run.thresholds)
        after = int8_side.decides(position, run.task, run.classes, run.thresholds)
        if before != after:
            scores = float(float_side.scores[position]), float(int8_side.scores[position])
            is_escape = after == passed and before != passed and item.label != run.ok_class
            flips.append(Flip(item.file, item.label, before, after, *scores, is_escape))
    return flips


def _figures(side: _Side, run: Run) -> Figures:
    inspections = [
        Labelled(
            item.label,
            decide(float(score), run.thresholds),
            _predicted(float(score), row, run),
            float(score),
        )
        for item, score, row in zip(run.validation, side.scores, side.probabilities, strict=True)
    ]
    return compute_figures(inspections, task=run.task, classes=run.classes, ok_class=run.ok_class)


def _predicted(score: float, row: NDArray[np.float64], run: Run) -> str:
    if has_one_logit(run.task):
        return run.classes[0 if decide(score, run.thresholds) == Verdict.OK else 1]
    return run.classes[int(row.argmax())]
