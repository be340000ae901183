"""Figures of a model's decisions, each with its 95 % interval over parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edge.core.decision import Task, Thresholds, Verdict, class_probabilities, decide, defect_scores
from edge.core.metrics import Labelled, Metrics, compute_metrics
from edge.core.thresholds import Costs
from trainer.curves import areas
from trainer.dataset import Dataset
from trainer.intervals import Draws, Measured, share, weighted_sum
from trainer.operating_point import LineFigures, on_the_line

_BINS, _WORST, _SURE = 10, 20, 1e-12
_FEW = 10  # parts of a class, to draw from


@dataclass(frozen=True)
class Decisions:
    """Answers for photographs: ``labels``, ``taken_for`` (N,) class numbers; ``groups`` (N,).

    ``probabilities``: (N, classes); ``scores``: (N,), 0 to 1. ``unknown_kinds``: names of labels that follow
    after the classes, defects that the model has no class for.
    """

    task: Task
    classes: list[str]
    ok_index: int | None
    files: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    scores: NDArray[np.float64]
    verdicts: list[Verdict]
    taken_for: NDArray[np.int64]
    unknown_kinds: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """Of all labels."""
        return [*self.classes, *self.unknown_kinds]

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """True if the model has a class for each."""
        return np.asarray(self.labels < len(self.classes))

    @property
    def passed(self) -> NDArray[np.bool_]:
        """True if the verdict is ok."""
        return np.array([verdict == Verdict.OK for verdict in self.verdicts], bool)

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """True if each class was recognised; of two, whether the verdict is; an unknown kind may not pass."""
        return np.where(self.is_known, self.taken_for == self.labels, ~self.passed)

    @property
    def certainty(self) -> NDArray[np.float64]:
        """The probability of the true class, (N,); of an unknown kind, that it is none of the OK class."""
        true_class = np.where(self.is_known, self.labels, 0)
        said = self.probabilities[np.arange(len(self.labels)), true_class]
        return np.where(self.is_known, said, self.scores)

    def at(self, positions: NDArray[np.int64]) -> "Decisions":
        """Those of some photographs."""
        return replace(
            self,
            files=[self.files[int(position)] for position in positions],
            labels=self.labels[positions],
            groups=self.groups[positions],
            probabilities=self.probabilities[positions],
            scores=self.scores[positions],
            verdicts=[self.verdicts[int(position)] for position in positions],
            taken_for=self.taken_for[positions],
        )


class ClassMeasured(BaseModel):
    """Precision, recall and F1 of one class with their intervals; ``parts``: how many there are of it."""

    model_config = ConfigDict(frozen=True)

    parts: int
    precision: Measured
    recall: Measured
    f1: Measured


class Bin(BaseModel):
    """Photographs whose probability lies from ``low`` to ``high``: what was said, and what was so."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    images: int
    said: float
    was: Measured


class PartFigures(BaseModel):
    """One part: how many of its photographs are right; ``file`` is one of those that are not."""

    model_config = ConfigDict(frozen=True)

    part: int
    label: str
    images: int
    right: int
    file: str


class Evaluation(BaseModel):
    """Everything that Figures do not hold.

    ``measured``: accuracy, balanced_accuracy, macro_f1, loss (mean -log of the true class's
    probability), brier (mean squared error of the probabilities) and calibration_error; with an OK
    class also auroc, average_precision, escape_rate (of defective images) and overkill_rate (of good
    ones). ``worst_parts``: those with mistakes, the worst first.
    """

    model_config = ConfigDict(frozen=True)

    parts: int
    measured: dict[str, Measured]
    per_class_measured: dict[str, ClassMeasured]
    calibration: list[Bin]
    parts_with_mistakes: int
    worst_parts: list[PartFigures]
    line: LineFigures | None = None

    def few_parts(self) -> str:
        """A sentence where a class has too few parts to draw from; else empty."""
        few = [f"{name} ({one.parts})" for name, one in self.per_class_measured.items() if one.parts < _FEW]
        return (
            f"Few parts: {', '.join(few)}; intervals by drawing (areas, macro F1, loss) are too narrow."
            if few
            else ""
        )


def decisions(dataset: Dataset, logits: NDArray[np.float32], thresholds: Thresholds) -> Decisions:
    """The decisions that logits (N, outputs) of a data set mean."""
    probabilities = class_probabilities(logits, dataset.task)
    scores = defect_scores(probabilities, dataset.ok_index)
    found = Decisions(
        dataset.task,
        dataset.classes,
        dataset.ok_index,
        [photograph.file for photograph in dataset.photographs],
        dataset.labels,
        dataset.groups.numbers,
        probabilities,
        scores,
        verdicts=[],
        taken_for=probabilities.argmax(axis=1),
        unknown_kinds=dataset.unknown_kinds,
    )
    return with_verdicts(found, [decide(float(score), thresholds) for score in scores])


def with_verdicts(found: Decisions, verdicts: Sequence[Verdict]) -> Decisions:
    """The same with other verdicts; of two classes they say what a photograph is taken for."""
    if found.task == "classes":
        return replace(found, verdicts=list(verdicts))
    rejected = np.array([verdict != Verdict.OK for verdict in verdicts], np.int64)
    return replace(found, verdicts=list(verdicts), taken_for=rejected)


def joined(first: Decisions, second: Decisions) -> Decisions:
    """The decisions of one data set on these photographs and on those."""
    return replace(
        first,
        files=first.files + second.files,
        labels=np.concatenate([first.labels, second.labels]),
        groups=np.concatenate([first.groups, second.groups]),
        probabilities=np.concatenate([first.probabilities, second.probabilities]),
        scores=np.concatenate([first.scores, second.scores]),
        verdicts=first.verdicts + second.verdicts,
        taken_for=np.concatenate([first.taken_for, second.taken_for]),
    )


def metrics_of(found: Decisions) -> Metrics:
    """The figures that `edge --replay` gives as well."""
    ok_class = None if found.ok_index is None else found.classes[found.ok_index]
    rows = zip(found.labels, found.verdicts, found.probabilities.argmax(axis=1), found.scores, strict=True)
    inspections = [
        Labelled(found.names[int(label)], verdict, found.classes[int(predicted)], float(score))
        for label, verdict, predicted, score in rows
    ]
    return compute_metrics(inspections, task=found.task, classes=found.classes, ok_class=ok_class)


def evaluate_decisions(found: Decisions, thresholds: Thresholds, costs: Costs | None) -> Evaluation:
    """All figures of decisions, with their intervals; with ``costs`` also what they are worth on the line."""
    per_class = {name: _of_class(found, number) for number, name in enumerate(found.classes)}
    kinds = range(len(found.classes), len(found.names))
    rejected = [share(~found.passed, found.labels == number, found.groups) for number in kinds]
    recalls = [one for one in (*(of.recall for of in per_class.values()), *rejected) if one.value is not None]
    everything = np.ones(len(found.labels), bool)
    measured = {
        "accuracy": share(found.is_right, everything, found.groups),
        "balanced_accuracy": weighted_sum(recalls, [1 / len(recalls)] * len(recalls)),
    }
    floor = measured["balanced_accuracy"].low
    if found.is_known.any():
        measured["macro_f1"] = Draws(found.labels, found.groups).measure(_macro_f1(found), floor=floor)
        measured |= _of_probabilities(found.at(np.flatnonzero(found.is_known)))
    measured |= _areas(found, floor=floor)
    if found.ok_index is not None:
        measured |= _escapes_and_overkill(found)
    parts = _parts_with_mistakes(found)
    line = None
    if costs is not None and found.ok_index is not None:
        line = on_the_line(
            found.scores,
            found.labels != found.ok_index,
            found.groups,
            np.array(found.verdicts),
            thresholds,
            costs,
        )
    return Evaluation(
        parts=len(np.unique(found.groups)),
        measured=measured,
        per_class_measured=per_class,
        calibration=_calibration(found),
        parts_with_mistakes=len(parts),
        worst_parts=parts[:_WORST],
        line=line,
    )


def _of_class(found: Decisions, number: int) -> ClassMeasured:
    is_it, taken = found.labels == number, found.taken_for == number
    hits = is_it & taken
    # F1 = 2J / (1 + J), where J is the share of hits among all that are or were taken for the class.
    jaccard = share(hits, is_it | taken, found.groups)
    return ClassMeasured(
        parts=len(np.unique(found.groups[is_it])),
        precision=share(hits, taken, found.groups),
        recall=share(hits, is_it, found.groups),
        f1=jaccard.mapped(lambda value: 2 * value / (1 + value)),
    )


def _escapes_and_overkill(found: Decisions) -> dict[str, Measured]:
    is_defect = found.labels != found.ok_index
    return {
        "escape_rate": share(found.passed, is_defect, found.groups),
        "overkill_rate": share(~found.passed, ~is_defect, found.groups),
    }


def _of_probabilities(found: Decisions) -> dict[str, Measured]:
    """Figures that are no shares of photographs, and need a class for each: parts are drawn again."""
    draws = Draws(found.labels, found.groups)
    rows = np.arange(len(found.labels))
    truth = np.eye(len(found.classes))[found.labels]
    wrong = ((found.probabilities - truth) ** 2).sum(axis=1)
    if len(found.classes) == 2:
        wrong = wrong / 2  # both classes are wrong by the same amount: it counts once
    surprise = -np.log(np.maximum(found.probabilities[rows, found.labels], _SURE))
    return {
        "loss": draws.measure(_mean_of(surprise)),
        "brier": draws.measure(_mean_of(wrong)),
        "calibration_error": draws.measure(_calibration_error(found)),
    }


def _areas(found: Decisions, *, floor: float | None) -> dict[str, Measured]:
    is_defect = found.labels != found.ok_index
    if found.ok_index is None or not is_defect.any() or is_defect.all():
        return {}
    draws = Draws(found.labels, found.groups)
    return {
        name: draws.measure(
            lambda weights, place=place: areas(found.scores, is_defect, weights)[place],  # type: ignore[misc]
            floor=floor,
        )
        for place, name in enumerate(("auroc", "average_precision"))
    }


def _mean_of(values: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda weights: np.asarray(weights @ values / weights.sum(axis=1))


def _macro_f1(found: Decisions) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    classes = np.unique(found.labels[found.is_known])
    is_it = (found.labels[:, np.newaxis] == classes).astype(float)
    taken = (found.taken_for[:, np.newaxis] == classes).astype(float)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        both = weights @ (is_it + taken)
        return np.asarray((2 * (weights @ (is_it * taken)) / np.maximum(both, 1e-9)).mean(axis=1))

    return statistic


def _confidence(found: Decisions) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability stated, (N,), and whether it came true: of two classes that the part is defective."""
    if found.task != "classes":
        return found.scores, found.labels == 1
    return found.probabilities.max(axis=1), found.probabilities.argmax(axis=1) == found.labels


def _bin_of(said: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((said * _BINS).astype(np.int64), _BINS - 1)


def _calibration_error(found: Decisions) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """The expected calibration error over ten bins of equal width: Guo et al. 2017 (arXiv:1706.04599)."""
    said, was = _confidence(found)
    gaps = np.eye(_BINS)[_bin_of(said)] * (said - was)[:, np.newaxis]
    return lambda weights: np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))


def _calibration(found: Decisions) -> list[Bin]:
    said, was = _confidence(found)
    place = _bin_of(said)
    return [
        Bin(
            low=number / _BINS,
            high=(number + 1) / _BINS,
            images=int((place == number).sum()),
            said=float(said[place == number].mean()),
            was=share(was, place == number, found.groups),
        )
        for number in np.unique(place).tolist()
    ]


def _parts_with_mistakes(found: Decisions) -> list[PartFigures]:
    parts = []
    for group in np.unique(found.groups[~found.is_right]):
        members = np.flatnonzero(found.groups == group)
        wrong = members[~found.is_right[members]]
        parts.append(
            PartFigures(
                part=int(group),
                label=found.names[int(np.bincount(found.labels[members]).argmax())],
                images=len(members),
                right=len(members) - len(wrong),
                file=found.files[int(wrong[0])],
            )
        )
    return sorted(parts, key=lambda part: (part.right / part.images, -part.images))
