"""The interface that all ways of learning have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trainer.learning_curve import LearningCurve
from trainer.models.heatmap import Evidence

Positions = NDArray[np.int64]
Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Learned:
    """A Keras model from (N, H, W, C) in -1…1 to logits, and how it came to be.

    ``held_out`` are logits (N, outputs) of the photographs at ``held_out_at`` by a model that saw none of
    their parts; ``held_out_are`` says which they are. ``history`` holds one value a step of ``steps_are``
    ("epoch" or "fold"). ``evidence``: what its heatmap is made of, or None. ``fold_of`` (N,): who of the held
    out were held out together, where they were so in turn and the network has learned from all of them.
    ``curve``: what fewer parts would have taught, where that was asked.
    """

    network: Any
    held_out: NDArray[np.float32]
    held_out_at: Positions
    held_out_are: str
    history: dict[str, list[float]]
    steps_are: str
    method: dict[str, Any]
    evidence: Evidence | None = None
    fold_of: NDArray[np.int64] | None = None
    curve: LearningCurve | None = None


class Learner(Protocol):
    """Learns from some photographs of a data set.

    Where ``needs_validation``, other photographs choose when to stop, and the threshold. Where it
    ``augments_classes``, it tells classes apart by randomly changed photographs as well. ``features``: of
    pixels, float32 (N, D) of uint8 (N, H, W, C) of any size, where it has them before it learns, or None.
    """

    needs_validation: bool
    augments_classes: bool

    @property
    def features(self) -> Features | None:
        """The features by which photographs are looked at."""

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """A model that saw the photographs at ``train``."""


def history_by_fold(
    seen: NDArray[np.float32],
    held_out: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
) -> dict[str, list[float]]:
    """Loss and accuracy of each fold: logits (N, outputs) of a model that saw it, of one that did not."""
    history: dict[str, list[float]] = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": []}
    for fold in range(int(fold_of.max()) + 1):
        mine = fold_of == fold
        for prefix, logits in (("", seen), ("val_", held_out)):
            loss, accuracy = _loss_and_accuracy(logits[mine], labels[mine])
            history[f"{prefix}loss"].append(loss)
            history[f"{prefix}accuracy"].append(accuracy)
    return history


def _loss_and_accuracy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    both = np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits
    both = both.astype(np.float64) - both.max(axis=1, keepdims=True)
    likelihood = both[np.arange(len(labels)), labels] - np.log(np.exp(both).sum(axis=1))
    return float(-likelihood.mean()), float((both.argmax(axis=1) == labels).mean())
