"""The figures of a set of labelled inspections; `trainer evaluate` and `edge --replay` share them.

``unsure`` and ``fault`` count as rejections, and are counted by themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge.core.decision import Task, Verdict, has_one_logit


@dataclass(frozen=True)
class Labelled:
    """One inspection whose truth is known; ``predicted`` is the class with the highest probability."""

    label: str
    verdict: Verdict
    predicted: str | None
    score: float | None


class ClassMetrics(BaseModel):
    """Precision, recall and F1 of one class; None where a division by zero would be needed."""

    model_config = ConfigDict(frozen=True)

    images: int
    precision: float | None
    recall: float | None
    f1: float | None


class Metrics(BaseModel):
    """Figures of verdicts of a known truth. ``accuracy_low`` and ``accuracy_high``: 95 % Wilson interval."""

    model_config = ConfigDict(frozen=True)

    images: int
    correct: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    balanced_accuracy: float | None
    auroc: float | None
    escapes: int
    overkill: int
    unsure: int
    fault: int
    macro_f1: float | None
    per_class: dict[str, ClassMetrics]
    confusion: dict[str, dict[str, int]]


def compute_metrics(
    inspections: Sequence[Labelled], *, task: Task, classes: Sequence[str], ok_class: str | None
) -> Metrics:
    """Figures of labelled inspections; a label that is none of ``classes`` is a defect of an unknown kind.

    A part is right when an OK one is ``ok`` and a defective one is not; for "classes" when its class
    is the predicted one, or when it is of an unknown kind and is not ``ok``. ``confusion[label][predicted]``
    counts; a fault without a class is predicted as "fault".
    """
    predicted = [_predicted(item, task, classes, ok_class) for item in inspections]
    columns = [*classes, *(["fault"] if "fault" in predicted and "fault" not in classes else [])]
    unknown = sorted({item.label for item in inspections} - set(classes))
    confusion = {label: dict.fromkeys(columns, 0) for label in [*classes, *unknown]}
    for item, name in zip(inspections, predicted, strict=True):
        confusion[item.label][name] += 1
    per_class = {name: _class_metrics(name, confusion) for name in classes}
    present = [metrics for metrics in per_class.values() if metrics.images]
    correct = sum(is_right(item, task=task, classes=classes, ok_class=ok_class) for item in inspections)
    low, high = wilson_interval(correct, len(inspections))
    return Metrics(
        images=len(inspections),
        correct=correct,
        accuracy=correct / len(inspections) if inspections else None,
        accuracy_low=low,
        accuracy_high=high,
        balanced_accuracy=_mean([*(metrics.recall for metrics in present), *_rejected(inspections, unknown)]),
        auroc=_auroc(inspections, ok_class),
        escapes=sum(i.label != ok_class and i.verdict == Verdict.OK for i in inspections),
        overkill=sum(i.label == ok_class and i.verdict != Verdict.OK for i in inspections),
        unsure=sum(i.verdict == Verdict.UNSURE for i in inspections),
        fault=sum(i.verdict == Verdict.FAULT for i in inspections),
        macro_f1=_mean([metrics.f1 or 0.0 for metrics in present]),
        per_class=per_class,
        confusion=confusion,
    )


def is_right(item: Labelled, *, task: Task, classes: Sequence[str], ok_class: str | None) -> bool:
    """True if the verdict, or for several classes the class, is that of the label."""
    if item.label not in classes:
        return item.verdict != Verdict.OK
    return _predicted(item, task, classes, ok_class) == item.label


def wilson_interval(successes: float, trials: float) -> tuple[float | None, float | None]:
    """95 % interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22); None without trials."""
    if trials == 0:
        return None, None
    z = 1.959963984540054
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def area_under_roc(defect_scores: Sequence[float], ok_scores: Sequence[float]) -> float | None:
    """Chance that a defect scores higher than an OK part, ties half (Mann-Whitney U / mn)."""
    if not defect_scores or not ok_scores:
        return None
    ordered = np.sort(np.asarray(ok_scores, np.float64))
    below = np.searchsorted(ordered, defect_scores, side="left")
    up_to = np.searchsorted(ordered, defect_scores, side="right")
    return float((below + up_to).sum() / (2 * len(defect_scores) * len(ok_scores)))


def _predicted(item: Labelled, task: Task, classes: Sequence[str], ok_class: str | None) -> str:
    if has_one_logit(task):
        defect = next(name for name in classes if name != ok_class)
        return str(ok_class) if item.verdict == Verdict.OK else defect
    return item.predicted if item.predicted is not None else "fault"


def _rejected(inspections: Sequence[Labelled], unknown: Sequence[str]) -> list[float]:
    """The share of the parts of each unknown kind that did not pass."""
    verdicts = [[item.verdict for item in inspections if item.label == name] for name in unknown]
    return [sum(verdict != Verdict.OK for verdict in found) / len(found) for found in verdicts]


def _class_metrics(name: str, confusion: dict[str, dict[str, int]]) -> ClassMetrics:
    hits = confusion[name][name]
    images = sum(confusion[name].values())
    claimed = sum(row[name] for row in confusion.values())
    return ClassMetrics(
        images=images,
        precision=hits / claimed if claimed else None,
        recall=hits / images if images else None,
        f1=2 * hits / (images + claimed) if images + claimed else None,
    )


def _auroc(inspections: Sequence[Labelled], ok_class: str | None) -> float | None:
    if ok_class is None:
        return None
    scored = [(item.label, item.score) for item in inspections if item.score is not None]
    return area_under_roc(
        [score for label, score in scored if label != ok_class],
        [score for label, score in scored if label == ok_class],
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def exact_mcnemar(first: int, other: int) -> float:
    """Two-sided exact test of discordant pairs (McNemar 1947, Psychometrika 12; binomial, half each)."""
    pairs, fewer = first + other, min(first, other)
    tail = sum(comb(pairs, count) for count in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**pairs))
