"""Which backbone looks at pictures of which size: each is tried on a sample of the photographs.

The sample is spread over the parts, and parts are held out in turn; `prefer` says which one is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import class_probabilities
from edge.core.errors import InputError
from edge.core.preprocess import InputSpec
from trainer.backbones.backbone import Backbone
from trainer.dataset import Dataset, resized
from trainer.input_size import Size, sizes
from trainer.learners.learner import Positions
from trainer.methods.frozen.feature_maps import FeatureSpec, build_maps
from trainer.methods.frozen.learner import Eyes, hold_out
from trainer.methods.frozen.prefer import (
    Comparison,
    prefer,
    strongest_and_largest,
    why_too_few,
)
from trainer.methods.frozen.speed import Speed, measure_speed
from trainer.methods.frozen.tried import Tried
from trainer.methods.frozen.truth import Truth
from trainer.split import folds_by_group, spread_over_groups

MOST, FEWEST = 400, 60  # photographs of a sample
_PIXELS = 2.5e8  # of all sizes of a sample: what takes about a minute
_FOLDS = 5


@dataclass(frozen=True)
class Candidate:
    """A backbone and what it sees."""

    backbone: Backbone
    feature_spec: FeatureSpec
    spec: InputSpec


@dataclass(frozen=True)
class Choice:
    """The candidate that was chosen, and all that were ``tried``; ``why`` in words."""

    candidate: Candidate
    tried: list[Tried]
    why: str


def candidates(
    dataset: Dataset, feature_specs: Sequence[tuple[Backbone, FeatureSpec]], size: Size | None
) -> list[Candidate]:
    """Each backbone at each size that fits the photographs, or at the one that is given."""
    if size is not None or dataset.shape is None or dataset.spec.locate != "none":
        specs = [dataset.spec]
    else:
        found = sizes(dataset.shape)
        specs = [dataset.spec.model_copy(update={"width": one.width, "height": one.height}) for one in found]
        if not dataset.shape.is_one:
            specs += [spec.model_copy(update={"fit": "letterbox"}) for spec in specs[:2]]
    return [
        Candidate(backbone, feature_spec, spec) for backbone, feature_spec in feature_specs for spec in specs
    ]


def choose(
    dataset: Dataset,
    offered: Sequence[Candidate],
    *,
    max_milliseconds: float | None,
    seed: int,
    threads: int,
) -> Choice:
    """Try what is offered; raises InputError where nothing is as fast as ``max_milliseconds``."""
    if len(offered) == 1 and max_milliseconds is None:
        return Choice(offered[0], [], "the only one that was asked for")
    too_few = why_too_few(dataset.labels, dataset.groups.numbers)
    if too_few and max_milliseconds is None:
        return _untried(offered, too_few)
    offered, speeds = fast_enough(offered, speeds_of(offered), max_milliseconds)
    if len(offered) == 1:
        return Choice(offered[0], [], "the only one that is fast enough")
    if too_few:
        return _untried(offered, too_few)
    return _choice(offered, speeds, compare(dataset, offered, speeds, seed=seed, threads=threads))


def _untried(offered: Sequence[Candidate], why: str) -> Choice:
    """Nothing is asked where the answer would be chance."""
    pixels = [one.spec.width * one.spec.height for one in offered]
    return Choice(offered[strongest_and_largest(pixels, are_strongest(offered))], [], why)


def compare(
    dataset: Dataset, offered: Sequence[Candidate], speeds: Sequence[Speed], *, seed: int, threads: int
) -> Comparison:
    """Ask each candidate about a sample of the photographs, parts held out in turn."""
    at = sample_of(dataset, offered, seed=seed)
    truth = Truth.of(dataset, at)
    return Comparison(
        said=[_ask(dataset, one, at, truth, seed=seed, threads=threads) for one in offered],
        truth=truth,
        milliseconds=[speed.milliseconds for speed in speeds],
        is_strongest=are_strongest(offered),
    )


def are_strongest(offered: Sequence[Candidate]) -> list[bool]:
    """Which have the strongest backbone, that of the last."""
    return [one.backbone.name == offered[-1].backbone.name for one in offered]


def speeds_of(offered: Sequence[Candidate]) -> list[Speed]:
    """Each backbone is timed once, at one size."""
    timed: dict[tuple[str, FeatureSpec, int], Speed] = {}
    found = []
    for one in offered:
        key = one.backbone.name, one.feature_spec, one.spec.channels
        if key not in timed:
            timed[key] = measure_speed(one.backbone, one.feature_spec, one.spec.channels)
        found.append(timed[key].of(one.spec.width * one.spec.height))
    return found


def fast_enough(
    offered: Sequence[Candidate], speeds: Sequence[Speed], limit: float | None
) -> tuple[list[Candidate], list[Speed]]:
    """Those that take at most ``limit`` milliseconds; raises InputError, which says the fastest."""
    if limit is None:
        return list(offered), list(speeds)
    fast = [number for number, speed in enumerate(speeds) if speed.milliseconds <= limit]
    if not fast:
        raise InputError(
            f"--max-ms {limit:g}: nothing is as fast on this machine; the fastest of what was asked for "
            f"takes {min(speed.milliseconds for speed in speeds):.2g} ms"
        )
    return [offered[number] for number in fast], [speeds[number] for number in fast]


def sample_of(dataset: Dataset, offered: Sequence[Candidate], *, seed: int) -> Positions:
    """Photographs spread over the parts, of each class as many; fewer where sizes are large."""
    each = {(one.spec.width, one.spec.height, one.spec.fit) for one in offered}
    most = int(np.clip(_PIXELS / sum(width * height for width, height, _ in each), FEWEST, MOST))
    labels, groups = dataset.labels, dataset.groups.numbers
    left, found = most, []
    names = sorted(np.unique(labels), key=lambda label: int((labels == label).sum()))
    for number, label in enumerate(names):
        some = spread_over_groups(
            np.flatnonzero(labels == label), groups, most=left // (len(names) - number), seed=seed
        )
        left -= len(some)
        found.append(some)
    return np.sort(np.concatenate(found))


def _ask(
    dataset: Dataset, one: Candidate, at: Positions, truth: Truth, *, seed: int, threads: int
) -> NDArray[np.float64]:
    """Probabilities (N, classes) of a sample by models that did not see the part."""
    shown = resized(dataset, one.spec, at)
    everything = np.arange(len(at))
    maps = build_maps(one.backbone, one.feature_spec, shown.pixels.shape[1:])
    eyes = Eyes(maps, shown.pixels, everything, has_places=dataset.ok_index is not None)
    seen = eyes.see(shown.pixels, everything)
    fold_of = folds_by_group(truth.labels, truth.groups, folds=_FOLDS, seed=seed)
    held_out = hold_out(seen, truth, fold_of, seed=seed, threads=threads)
    return class_probabilities(held_out.logits, truth.task)


def _choice(offered: Sequence[Candidate], speeds: Sequence[Speed], seen: Comparison) -> Choice:
    preferred = prefer(seen)
    tried = [
        Tried(
            backbone=one.backbone.name,
            width=one.spec.width,
            height=one.spec.height,
            fit=one.spec.fit,
            area=seen.measured[number],
            milliseconds=round(speeds[number].milliseconds, 3),
            kilobytes=speeds[number].kilobytes,
            is_chosen=number == preferred.number,
        )
        for number, one in enumerate(offered)
    ]
    return Choice(offered[preferred.number], tried, preferred.why)
