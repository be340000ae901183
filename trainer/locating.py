"""The use of locating the part: asked of training parts, held out in turn."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Task, class_probabilities
from edge.core.errors import ImageError
from edge.core.images import read_image
from edge.core.preprocess import InputSpec, Locate, preprocess
from trainer.dataset import SQUARE, Dataset, resized
from trainer.head import STRENGTHS, hold_out
from trainer.input_size import Size, input_spec
from trainer.learners.learner import Features, Positions
from trainer.methods.frozen.learner import FOLDS
from trainer.split import folds_by_group, spread_over_groups

PROPOSE: Literal["propose"] = "propose"
MOST = 1000  # photographs that are asked, spread over the parts
_TURNS = 3  # how often the parts are dealt anew
_FOUND = 0.95  # of the photographs, at least: where no part is found there is no verdict
_CLEAR = 2.0  # standard errors


@dataclass(frozen=True)
class Gain:
    """The gain by locating: the rise of the probability of the right class, on parts held out in turn.

    Classes weigh the same, and parts in a class. ``error``: its standard error over ``parts``.
    ``not_found``: photographs in which there is no such part; each would be a fault.
    """

    locate: Locate
    plain: float
    gain: float
    error: float
    parts: int
    not_found: int = 0

    @property
    def is_clear(self) -> bool:
        """True if it is more than the parts differ by chance."""
        return self.gain > _CLEAR * self.error

    def __str__(self) -> str:
        missed = f"; no part found in {self.not_found} photographs" if self.not_found else ""
        return (
            f"probability of the right class {self.plain:.3f}, with --locate {self.locate} "
            f"{self.plain + self.gain:.3f} (gain {self.gain:.3f}, standard error {self.error:.3f} "
            f"over {self.parts} training parts held out in turn{missed})"
        )


def measure_locating(
    features: Features, dataset: Dataset, train: Positions, *, seed: int, threads: int
) -> list[Gain]:
    """The gain by each way of locating, by ``features``; only photographs at ``train`` are looked at."""
    sample = spread_over_groups(train, dataset.groups.numbers, most=MOST, seed=seed)
    whole = resized(dataset, _spec(dataset, "none"), sample)
    plain = features(np.asarray(whole.pixels))
    gains = []
    ways: tuple[Locate, ...] = ("part", "ring")
    for locate in ways:
        spec = _spec(dataset, locate)
        pixels = _located(dataset, sample, spec, threads)
        found = np.array([one is not None for one in pixels])
        if found.mean() < _FOUND:
            continue
        located = np.stack([one for one in pixels if one is not None])
        at = sample[found]
        gain = compare(
            plain[found],
            features(located),
            dataset.labels[at],
            dataset.groups.numbers[at],
            locate=locate,
            task=dataset.task,
            seed=seed,
            threads=threads,
        )
        gains.append(replace(gain, not_found=int((~found).sum())))
    return gains


def _spec(dataset: Dataset, locate: Locate) -> InputSpec:
    spec = input_spec(Size(SQUARE, SQUARE), dataset.spec.channels, locate)
    return spec.model_copy(update={"bits": dataset.spec.bits})


def proposals(gains: Sequence[Gain]) -> list[str]:
    """A sentence that proposes the best way of locating, where one is clearly better than none."""
    clear = [gain for gain in gains if gain.is_clear]
    best = max(clear, key=lambda gain: gain.gain, default=None)
    return [f"locating the part would help: {best}; train again with it"] if best is not None else []


def compare(
    plain: NDArray[np.float32],
    located: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    locate: Locate,
    task: Task,
    seed: int,
    threads: int,
) -> Gain:
    """Both features, (N, D) and (N, E), in the same turns."""
    before, after = (
        _certainty(features, labels, groups, task=task, seed=seed, threads=threads)
        for features in (plain, located)
    )
    means, gains, squares = [], [], []
    for label in np.unique(labels):
        mine = labels == label
        _, part = np.unique(groups[mine], return_inverse=True)
        of_part = [np.bincount(part, values[mine]) / np.bincount(part) for values in (before, after)]
        rise = of_part[1] - of_part[0]
        means.append(of_part[0].mean())
        gains.append(rise.mean())
        squares.append(rise.var(ddof=1) / len(rise) if len(rise) > 1 else np.inf)
    error = float(np.sqrt(np.sum(squares)) / len(squares))
    return Gain(locate, float(np.mean(means)), float(np.mean(gains)), error, len(np.unique(groups)))


def _certainty(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    task: Task,
    seed: int,
    threads: int,
) -> NDArray[np.float64]:
    """The probability of the right class by heads that did not see the part, (N,)."""
    right = np.zeros(len(labels))
    for turn in range(_TURNS):
        fold_of = folds_by_group(labels, groups, folds=FOLDS, seed=seed + turn)
        tried = hold_out(features, labels, groups, fold_of, task=task, strengths=STRENGTHS, threads=threads)
        best = min(tried, key=lambda one: one.loss)
        right += class_probabilities(best.logits, task)[np.arange(len(labels)), labels] / _TURNS
    return right


def _located(
    dataset: Dataset, positions: Positions, spec: InputSpec, threads: int
) -> list[NDArray[np.uint8] | None]:
    def read(position: np.int64) -> NDArray[np.uint8] | None:
        try:
            return preprocess(
                read_image(dataset.root / dataset.photographs[int(position)].file, spec.bits), spec
            )
        except ImageError:
            return None

    with ThreadPoolExecutor(threads) as readers:
        return list(readers.map(read, positions))
