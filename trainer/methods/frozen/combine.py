"""The weight of each kind of evidence, by parts that none of them saw.

Each kind is turned into log odds by itself: a logistic regression with one weight, never negative, on what
held-out parts got from it, as Platt 1999 (Adv. Large Margin Classifiers) did for one classifier. The log odds
are added up, as for kinds that know nothing of each other, and the sum is scaled once more for they do. One
weight is known from few parts where several that are fitted together are not (docs/research/experiments.md),
and a kind that tells nothing of unseen parts gets nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, has_one_logit
from trainer.head import balanced_weights

_SIZE = 3.0
_LEAST = 1e-6


@dataclass(frozen=True)
class Evidence:
    """One kind's answers for photographs: ``said`` (N, 1) or (N, outputs), of parts that it did not see.

    One column is how much a photograph looks like a defect, or, where there are more outputs, ``direction``
    (outputs,) says which logits it moves.
    """

    name: str
    said: NDArray[np.float32]
    direction: NDArray[np.float32] | None = None

    def subset(self, at: NDArray[np.bool_]) -> "Evidence":
        """Of some photographs."""
        return Evidence(self.name, self.said[at], self.direction)


@dataclass(frozen=True)
class Combination:
    """Logits: the sum of ``weights`` times what each kind said, less its ``means``, over its ``deviations``.

    Means are numbers for kinds of one column, and 0 for others; ``bias`` comes on top of one logit.
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    bias: float

    def logits(self, evidence: Sequence[Evidence]) -> NDArray[np.float32]:
        """(N, outputs)."""
        standard = _standard(evidence, self.means, self.deviations)
        total = sum((w * part for w, part in zip(self.weights, standard, strict=True)), np.zeros(1))
        return np.asarray(total + self.bias, np.float32)


def combine(
    evidence: Sequence[Evidence], labels: NDArray[np.int64], groups: NDArray[np.int64], *, task: Task
) -> Combination:
    """Weigh the evidence for labels (N,) of photographs of ``groups`` (N,)."""
    means = np.array([float(kind.said.mean()) if kind.said.shape[1] == 1 else 0.0 for kind in evidence])
    deviations = np.array([max(float(kind.said.std()), _LEAST) for kind in evidence])
    standard = _standard(evidence, means, deviations)
    alone = [_log_odds(part, labels, groups, task=task) for part in standard]
    weights, biases = np.array([one[0] for one in alone]), np.array([one[1] for one in alone])
    together = sum((w * part for w, part in zip(weights, standard, strict=True)), np.zeros(1)) + biases.sum()
    scale, bias = _log_odds(np.asarray(together), labels, groups, task=task)
    return Combination(scale * weights, means, deviations, float(scale * biases.sum() + bias))


def _log_odds(
    said: NDArray[np.float64], labels: NDArray[np.int64], groups: NDArray[np.int64], *, task: Task
) -> tuple[float, float]:
    """The most probable weight of what is said, (N, outputs), and the bias of one logit, else 0.

    With classes that count alike, groups alike in a class, and as many trials as there are groups: copies
    prove nothing. Beforehand a weight is as likely as from a normal distribution of deviation _SIZE.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    one = has_one_logit(task)
    counted, trials = balanced_weights(labels, groups), len(np.unique(groups))
    rows = np.arange(len(labels))

    def cost(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = values[0] * said + (values[1] if one else 0.0)
        both = np.hstack([np.zeros_like(logits), logits]) if one else logits
        normal = logsumexp(both, axis=1, keepdims=True)
        loss = trials * float((counted * (normal[:, 0] - both[rows, labels])).mean())
        error = np.exp(both - normal)
        error[rows, labels] -= 1
        error = trials * counted[:, np.newaxis] * error / len(labels)
        error = error[:, 1:] if one else error
        slope = float((error * said).sum()) + values[0] / _SIZE**2
        return loss + values[0] ** 2 / (2 * _SIZE**2), np.array([slope, float(error.sum()) if one else 0.0])

    bounds = [(0.0, None), (None, None)]
    found = minimize(cost, np.array([1.0, 0.0]), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), float(found[1]) if one else 0.0


def combine_unseen(
    evidence: Sequence[Evidence],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    *,
    task: Task,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Logits (N, outputs) of each photograph with weights that its fold had no say in.

    ``known`` (N,): who may have a say at all, by default all.
    """
    may = np.ones(len(labels), bool) if known is None else known
    found: NDArray[np.float32] | None = None
    for fold in range(int(fold_of.max()) + 1):
        seen, unseen = (fold_of != fold) & may, fold_of == fold
        chosen = combine([one.subset(seen) for one in evidence], labels[seen], groups[seen], task=task)
        logits = chosen.logits([one.subset(unseen) for one in evidence])
        if found is None:
            found = np.zeros((len(labels), logits.shape[1]), np.float32)
        found[unseen] = logits
    if found is None:
        raise ValueError("expected at least one fold")
    return found


def _standard(
    evidence: Sequence[Evidence], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    found = []
    for kind, mean, deviation in zip(evidence, means, deviations, strict=True):
        standard = (kind.said.astype(np.float64) - mean) / deviation
        found.append(standard if kind.direction is None else standard * kind.direction)
    return found
