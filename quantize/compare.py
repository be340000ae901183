"""Float against int8 on every photograph."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edge.core.bundle.bundle import Rederived
from edge.core.decision import Thresholds, Verdict, class_probabilities, decide, defect_scores
from edge.core.metrics import Metrics
from edge.core.preprocess import to_network_input
from edge.core.runtime import Model
from quantize.decisions import Flip, Side, find_flips, metrics_of
from quantize.int8_thresholds import choose_thresholds
from quantize.run import Run, logits_alone

_BATCH_PIXELS = 64 * 160 * 160


@dataclass(frozen=True)
class Strange:
    """Of pictures made strange: how many float rejects, and how many of these int8 passes."""

    rejected: int
    passed: int


@dataclass(frozen=True)
class Comparison:
    """The changes by int8. ``raw``: the int8 outputs (N, outputs); ``scores``: the int8 scores (N,).

    ``float32`` and ``int8`` are the figures of what was held out, all else is counted over all photographs.

    ``thresholds`` are those that int8 is to have, and that all here was counted with; ``rederived`` says
    whose they are. ``strange``: for models of OK parts alone, whose photographs may hold no defect.
    """

    float32: Metrics
    int8: Metrics
    flips: list[Flip]
    largest_shift: float
    mean_shift: float
    raw: NDArray[np.int8]
    scores: NDArray[np.float64]
    thresholds: Thresholds
    rederived: Rederived | None = None
    strange: Strange | None = None


def compare(network: Any, model: Model, run: Run, pixels: NDArray[np.uint8]) -> Comparison:
    """Run both on ``pixels``, uint8 (N, H, W, C), in the order of ``run.files``."""
    ok_index = None if run.ok_class is None else run.classes.index(run.ok_class)
    probabilities = class_probabilities(_logits(network, pixels), run.task)
    float_side = Side(defect_scores(probabilities, ok_index), probabilities)
    raw, predictions = [], []
    for image in tqdm(pixels, desc="comparing", unit="image", disable=None):
        prediction = model.predict(image)
        raw.append(prediction.raw)
        predictions.append(prediction)
    int8_side = Side(
        np.array([prediction.score for prediction in predictions]),
        np.stack([prediction.probabilities for prediction in predictions]),
    )
    shift = np.abs(float_side.scores - int8_side.scores)
    if ok_index is None:
        shift = np.abs(float_side.probabilities - int8_side.probabilities).max(axis=1)
    thresholds, rederived = choose_thresholds(float_side, int8_side, run)
    return Comparison(
        float32=run.results.held_out,
        int8=metrics_of(float_side, int8_side, run, thresholds),
        flips=find_flips(float_side, int8_side, run, thresholds),
        largest_shift=float(shift.max()),
        mean_shift=float(shift.mean()),
        raw=np.array(raw, np.int8),
        scores=int8_side.scores,
        thresholds=thresholds,
        rederived=rederived,
    )


def compare_strange(
    network: Any, model: Model, run: Run, pixels: NDArray[np.uint8], thresholds: Thresholds
) -> Strange:
    """Run both on pictures made strange, uint8 (N, H, W, C); ``thresholds`` are those of int8."""
    probabilities = class_probabilities(_logits(network, pixels), run.task)
    scores = defect_scores(probabilities, run.classes.index(run.ok_class) if run.ok_class else None)
    rejected = [
        image
        for image, score in zip(pixels, scores, strict=True)
        if decide(float(score), run.thresholds) != Verdict.OK
    ]
    passed = [decide(model.predict(image).score, thresholds) == Verdict.OK for image in rejected]
    return Strange(len(rejected), sum(passed))


def _logits(network: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import tensorflow as tf

    shape = tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)
    graph = logits_alone(network)
    decide_all = tf.function(lambda batch: graph(batch, training=False), input_signature=[shape])
    size = max(1, _BATCH_PIXELS // (pixels.shape[1] * pixels.shape[2]))
    starts = range(0, len(pixels), size)
    return np.concatenate(
        [decide_all(to_network_input(pixels[start : start + size])).numpy() for start in starts]
    )
