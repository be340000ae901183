"""Labels that held-out models doubt."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.decision import Task, class_probabilities
from trainer.head import hold_out
from trainer.split import folds_by_group
from trainer.suspects import find_suspects


def rendered(classes: int, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures of 12 x 12 noisy pixels, flat; the place of a bright square tells the class."""
    chance = np.random.default_rng(1)
    labels = np.arange(count) % classes
    pictures = chance.normal(0.4, 0.12, (count, 12, 12))
    for picture, label in zip(pictures, labels, strict=True):
        x, y = 3 * (int(label) % 4), 3 * (int(label) // 4)
        picture[y : y + 3, x : x + 3] += 0.5
    return pictures.reshape(count, -1).astype(np.float32), labels


@pytest.mark.parametrize("classes", [2, 6])
def test_most_of_three_flipped_labels_in_a_hundred_are_found_and_few_others_accused(classes: int) -> None:
    pictures, truth = rendered(classes, 600)
    flipped = np.random.default_rng(2).permutation(600)[:18]
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + 1) % classes
    task: Task = "binary" if classes == 2 else "classes"
    parts = np.arange(600)
    fold_of = folds_by_group(labels, parts, folds=5, seed=1)
    (heads,) = hold_out(pictures, labels, parts, fold_of, task=task, strengths=[0.03], threads=1)
    found = find_suspects(labels, class_probabilities(heads.logits, task))
    assert len(set(found) & set(flipped)) >= 16
    assert len(set(found) - set(flipped)) <= 6


def test_the_clearest_comes_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.05, 0.95], [0.1, 0.9], [0.8, 0.2]])
    labels = np.array([0, 0, 0, 1, 0])
    assert find_suspects(labels, probabilities).tolist() == [2]


def test_a_class_without_photographs_accuses_nobody() -> None:
    probabilities = np.array([[0.6, 0.4], [0.1, 0.9]])
    assert find_suspects(np.array([0, 0]), probabilities).tolist() == []
