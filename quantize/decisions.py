"""What float and int8 decide on the validation images, and where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, Thresholds, Verdict, decide, has_one_logit
from edge.core.figures import Figures, Labelled, compute_figures
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
        """Whether float or int8 is unsure."""
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
    for position, item in enumerate(run.validation):
        before = float_side.decides(position, run.task, run.classes, run.thresholds)
        after = int8_side.decides(position, run.task, run.classes, int8_thresholds)
        if before != after:
            scores = float(float_side.scores[position]), float(int8_side.scores[position])
            is_escape = after == passed and before != passed and item.label != run.ok_class
            flips.append(Flip(item.file, item.label, before, after, *scores, is_escape))
    return flips


def figures_of(side: Side, run: Run, thresholds: Thresholds) -> Figures:
    """How good the verdicts of one side are."""
    inspections = [
        Labelled(
            item.label,
            decide(float(score), thresholds),
            _predicted(float(score), row, run, thresholds),
            float(score),
        )
        for item, score, row in zip(run.validation, side.scores, side.probabilities, strict=True)
    ]
    return compute_figures(inspections, task=run.task, classes=run.classes, ok_class=run.ok_class)


def _predicted(score: float, row: NDArray[np.float64], run: Run, thresholds: Thresholds) -> str:
    if has_one_logit(run.task):
        return run.classes[0 if decide(score, thresholds) == Verdict.OK else 1]
    return run.classes[int(row.argmax())]
