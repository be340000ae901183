"""The truth of photographs, and how well answers agree with it."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, defect_scores, has_one_logit
from trainer.curves import areas
from trainer.dataset import Dataset
from trainer.intervals import Statistic
from trainer.learners.learner import Positions


@dataclass(frozen=True)
class Truth:
    """The truth of N photographs: the ``task``, their ``labels`` and ``groups`` (N,), and which is OK."""

    task: Task
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    outputs: int
    ok_index: int | None

    def subset(self, at: Positions) -> "Truth":
        """Of some photographs."""
        return replace(self, labels=self.labels[at], groups=self.groups[at])

    @property
    def is_defect(self) -> NDArray[np.bool_]:
        """(N,)."""
        return np.asarray(self.labels != self.ok_index)

    @cached_property
    def direction(self) -> NDArray[np.float32]:
        """The effect of strangeness on each logit, (outputs,): strange is defective, or else not OK."""
        direction = np.zeros(self.outputs, np.float32)
        if has_one_logit(self.task):
            direction[0] = 1
        elif self.ok_index is not None:
            direction[self.ok_index] = -1
        return direction

    @classmethod
    def of(cls, dataset: Dataset, at: Positions) -> "Truth":
        """Of the photographs at some positions."""
        numbers = dataset.groups.numbers[at]
        return cls(dataset.task, dataset.labels[at], numbers, dataset.outputs, dataset.ok_index)


def area_under_roc(said: NDArray[np.float64], truth: Truth) -> Statistic:
    """Of probabilities (N, classes), for weights (draws, N) of the photographs.

    Without an OK class the mean of the areas of one class against all others.
    """
    if truth.ok_index is not None:
        scores, is_defect = defect_scores(said, truth.ok_index), truth.is_defect
        return lambda weights: areas(scores, is_defect, weights)[0]

    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        each = [areas(said[:, label], truth.labels == label, weights)[0] for label in range(said.shape[1])]
        return np.asarray(np.mean(each, axis=0))

    return mean
