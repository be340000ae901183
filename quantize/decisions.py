"""Decisions of float and int8 on all photographs, and where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, Thresholds, Verdict, decide, has_one_logit
from edge.core.metrics import Labelled, Metrics, compute_metrics
from quantize.run import Run


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

    @property
    def is_in_band(self) -> bool:
        """True if float or int8 is unsure."""
        return Verdict.UNSURE in (self.float_decides, self.int8_decides)


@dataclass(frozen=True)
class Side:
    """One model's scores (N,) and probabilities (N, classes)."""

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def decides(self, position: int, task: Task, classes: Sequence[str], thresholds: Thresholds) -> str:
        """The verdict in words, or the class, on the image at a position."""
        if has_one_logit(task):
            return decide(float(self.scores[position]), thresholds).value
        return classes[int(self.probabilities[position].argmax())]


def find_flips(float_side: Side, int8_side: Side, run: Run, int8_thresholds: Thresholds) -> list[Flip]:
    """Where the two sides decide differently, each by its thresholds; float has the run's."""
    flips = []
    passed = Verdict.OK.value if has_one_logit(run.task) else run.ok_class
    for position, item in enumerate(run.files):
        before = float_side.decides(position, run.task, run.classes, run.thresholds)
        after = int8_side.decides(position, run.task, run.classes, int8_thresholds)
        if before != after:
            scores = float(float_side.scores[position]), float(int8_side.scores[position])
            is_escape = after == passed and before != passed and item.label != run.ok_class
            flips.append(Flip(item.file, item.label, before, after, *scores, is_escape))
    return flips


def metrics_of(float_side: Side, int8_side: Side, run: Run, int8_thresholds: Thresholds) -> Metrics:
    """Figures of int8 on what was held out: as float's, but where int8 decides otherwise.

    The network that is quantized may have learned from a photograph that was held out from another: so its
    score is what it was then, moved as int8 moves the logit, and its verdict is the one of then unless int8
    changes this network's.
    """
    moved = _logit(int8_side.scores) - _logit(float_side.scores)
    inspections = []
    for position, item in enumerate(run.held_out):
        before = decide(float(float_side.scores[position]), run.thresholds)
        after = decide(float(int8_side.scores[position]), int8_thresholds)
        classes = (int(side.probabilities[position].argmax()) for side in (float_side, int8_side))
        was, is_now = (run.classes[number] for number in classes)
        score = float(_sigmoid(_logit(np.array(item.score)) + moved[position]))
        inspections.append(
            Labelled(
                item.label,
                item.verdict if before == after else after,
                item.predicted if was == is_now else is_now,
                score if moved[position] else item.score,
            )
        )
    return compute_metrics(inspections, task=run.task, classes=run.classes, ok_class=run.ok_class)


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = np.clip(scores, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(bounded / (1 - bounded)), np.float64)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float64)
