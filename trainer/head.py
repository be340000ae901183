"""Learning a linear head on fixed features: convex, in seconds, the same on every run."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from edge.core.decision import Task, has_one_logit

STRENGTHS = (0.003, 0.03, 0.3)  # scikit-learn's C, the inverse of the weight decay; held-out parts choose


@dataclass(frozen=True)
class Head:
    """Standardizes by ``mean`` and ``deviation`` (D,); then ``kernel`` (D, outputs) and ``bias``."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N, outputs) of features (N, D)."""
        return np.asarray((features - self.mean) / self.deviation @ self.kernel + self.bias, np.float32)


def learn_head(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    task: Task,
    strength: float,
) -> Head:
    """Logistic regression on standardized features; every class weighs the same, and every group in it.

    ``features``: (N, D); for "binary" one logit, of class 1; else one a class.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation < 1e-6] = 1  # a feature that never changes says nothing
    model = LogisticRegression(C=strength, max_iter=500)
    with threadpool_limits(1):
        model.fit((features - mean) / deviation, labels, sample_weight=balanced_weights(labels, groups))
    kernel, bias = model.coef_.T, model.intercept_
    if task == "classes" and kernel.shape[1] == 1:  # two classes, one logit each
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    return Head(mean, deviation, kernel.astype(np.float32), bias.astype(np.float32))


@dataclass(frozen=True)
class HeldOutHeads:
    """Answers of heads of one ``strength`` for parts that they did not see.

    ``logits`` (N, outputs), divided by ``temperature``; ``loss``: the log loss that is left, balanced over
    classes and groups.
    """

    strength: float
    temperature: float
    logits: NDArray[np.float32]
    loss: float


def hold_out(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    *,
    task: Task,
    strengths: Sequence[float],
    threads: int,
) -> list[HeldOutHeads]:
    """As `held_out_logits`, made honest by a temperature, for each strength."""
    said = held_out_logits(features, labels, groups, fold_of, task=task, strengths=strengths, threads=threads)
    heads = []
    for strength, logits in said.items():
        temperature, loss = fit_temperature(logits, labels, groups, task=task)
        heads.append(HeldOutHeads(strength, temperature, np.asarray(logits / temperature, np.float32), loss))
    return heads


def held_out_logits(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    *,
    task: Task,
    strengths: Sequence[float],
    threads: int,
    known: NDArray[np.bool_] | None = None,
) -> dict[float, NDArray[np.float32]]:
    """Answers of heads of the other folds for each part, (N, outputs), for each strength.

    ``fold_of``: (N,), who is held out together; ``known`` (N,): who may be learned from, by default all.
    """
    may = np.ones(len(labels), bool) if known is None else known
    turns = [(strength, fold) for strength in strengths for fold in range(int(fold_of.max()) + 1)]

    def take(turn: tuple[float, int]) -> NDArray[np.float32]:
        seen, unseen = (fold_of != turn[1]) & may, fold_of == turn[1]
        head = learn_head(features[seen], labels[seen], groups[seen], task=task, strength=turn[0])
        return head.logits(features[unseen])

    # Many small fits: each on one thread, side by side. Threads inside a fit wait for each other.
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1):
        said = dict(zip(turns, pool.map(take, turns), strict=True))
    found = {}
    for strength in strengths:
        logits = np.zeros((len(labels), 1 if has_one_logit(task) else int(labels.max()) + 1), np.float32)
        for fold in range(int(fold_of.max()) + 1):
            logits[fold_of == fold] = said[strength, fold]
        found[strength] = logits
    return found


def balanced_loss(
    logits: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], *, task: Task
) -> float:
    """The log loss of logits (N, outputs), balanced over classes and groups."""
    from scipy.special import logsumexp

    both = np.hstack([np.zeros_like(logits), logits]) if has_one_logit(task) else logits
    both = both.astype(np.float64)
    likelihood = both[np.arange(len(labels)), labels] - logsumexp(both, axis=1)
    return float(-(balanced_weights(labels, groups) * likelihood).mean())


def fit_temperature(
    logits: NDArray[np.float32], labels: NDArray[np.int64], groups: NDArray[np.int64], *, task: Task
) -> tuple[float, float]:
    """The divisor that makes held-out logits honest: Guo et al. 2017 (arXiv:1706.04599).

    At least 1: where no held-out part is decided wrongly, nothing speaks for more certainty. With it
    comes the log loss that is left.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        scaled = np.asarray(logits / np.exp(log_temperature), np.float32)
        return balanced_loss(scaled, labels, groups, task=task)

    found = minimize_scalar(loss, bounds=(0, 5), method="bounded")
    return float(np.exp(found.x)), float(found.fun)


def balanced_weights(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """A weight for each photograph, 1 on average: classes weigh the same, and groups within a class.

    Where a group is torn between classes, each has as much of it as photographs: one copy with a wrong
    label must not weigh as much as all the others.
    """
    _, group, in_group = np.unique(groups, return_inverse=True, return_counts=True)
    shares = np.bincount(labels, 1 / in_group[group])  # of each class, in groups
    weights = 1 / (shares[labels] * in_group[group])
    return np.asarray(weights / weights.mean(), np.float64)
