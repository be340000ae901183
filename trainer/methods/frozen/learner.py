"""Learning on the maps of a backbone that stays as it is: in seconds to minutes, from every part.

What each photograph is said to be, when the parts of its fold are held out, gives thresholds and figures; the
network that is kept has learned from all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import class_probabilities, has_one_logit
from edge.core.disk_array import disk_array
from trainer.dataset import Dataset
from trainer.head import STRENGTHS, balanced_loss, held_out_logits, learn_head
from trainer.intervals import Statistic
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.learning_curve import MOST as MOST_ASKED
from trainer.learning_curve import LearningCurve, learning_curve
from trainer.methods.frozen.combine import Combination, Evidence, combine, combine_unseen
from trainer.methods.frozen.feature_maps import (
    LARGEST_DEVIATION,
    FeatureSpec,
    Maps,
    average,
    build_maps,
    place_statistics,
    rounded,
)
from trainer.methods.frozen.network import (
    Part,
    Say,
    assemble,
    head_parts,
    place_part,
)
from trainer.methods.frozen.place_score import MOST, PlaceScore, learn_place_score
from trainer.methods.frozen.truth import Truth, area_under_roc
from trainer.methods.padim.gaussians import MOST as MOST_OK
from trainer.methods.padim.gaussians import PatchGaussians, learn_gaussians
from trainer.methods.padim.graph import add_distance
from trainer.predict import each_batch
from trainer.split import folds_by_group, spread_over_groups

FOLDS = 5
FITTED_ON = 250  # photographs that the whole numbers are fitted to
_GRID = 10  # places a side, at most, that are compared each with that place of OK parts


@dataclass(frozen=True)
class Seen:
    """The backbone's view of N photographs: ``features`` (N, D).

    ``places`` (N, h, w, C): each place, standardized; ``grid`` (N, h', w', C): some of these averaged into
    one. None where there is no OK class, or feature_spec has no places.
    """

    features: NDArray[np.float32]
    places: NDArray[np.float16] | None
    grid: NDArray[np.float16] | None

    def subset(self, at: Positions) -> "Seen":
        """Of some photographs; the same where these are all."""
        if len(at) == len(self.features) or self.places is None or self.grid is None:
            return Seen(self.features[at], self.places, self.grid)
        return Seen(self.features[at], self.places[at], self.grid[at])


class Eyes:
    """A backbone, a look, and what is known of the range of its channels, for photographs of one size."""

    def __init__(self, maps: Maps, pixels: NDArray[np.uint8], at: Positions, *, has_places: bool) -> None:
        """``at``: which of ``pixels`` (N, H, W, C) show the range of channels."""
        from keras import Model

        self.maps = maps
        self.places = self.grid = None
        outputs = [maps.features()]
        if has_places and maps.feature_spec.places:
            self.places = maps.standardized_places(*place_statistics(maps, pixels, at))
            sides = tuple(-(-side // _GRID) for side in self.places.shape[1:3])
            self.grid = average(self.places, (sides[0], sides[1]))
            outputs += [self.places, self.grid]
        self._network = Model(maps.network.inputs[0], outputs)

    def see(self, pixels: NDArray[np.uint8], at: Positions) -> Seen:
        """The photographs at some positions of uint8 pixels (N, H, W, C)."""
        outputs = self._network.outputs
        features = np.empty((len(at), outputs[0].shape[-1]), np.float32)
        maps = [disk_array((len(at), *one.shape[1:]), np.float16) for one in outputs[1:]]
        start = 0
        for batch in each_batch(self._network, pixels, "features", at):
            end = start + len(batch[0])
            for whole, part in zip([features, *maps], batch, strict=True):
                whole[start:end] = part
            start = end
        return Seen(features, *maps) if maps else Seen(features, None, None)


@dataclass(frozen=True)
class HeldOut:
    """Answers for parts that were held out in turn: ``logits`` (N, outputs), their balanced log loss.

    ``fold_of`` (N,): who was held out together. ``evidence``: what the logits are made of, by heads of one
    ``strength``.
    """

    logits: NDArray[np.float32]
    loss: float
    fold_of: NDArray[np.int64]
    strength: float
    evidence: list[Evidence]


def hold_out(
    seen: Seen,
    truth: Truth,
    fold_of: NDArray[np.int64],
    *,
    seed: int,
    threads: int,
    strengths: Sequence[float] = STRENGTHS,
    known: NDArray[np.bool_] | None = None,
) -> HeldOut:
    """Learn anew without each fold, and ask about it; of the strengths of the head the one that does best.

    ``known`` (N,): who may be learned from, by default all.
    """
    may = np.ones(len(fold_of), bool) if known is None else known
    said = held_out_logits(
        seen.features,
        truth.labels,
        truth.groups,
        fold_of,
        task=truth.task,
        strengths=strengths,
        threads=threads,
        known=may,
    )
    others = _held_out_places(seen, truth, fold_of, may, seed=seed)
    found = []
    for strength, logits in said.items():
        evidence = [Evidence("texture", logits), *others]
        both = combine_unseen(evidence, truth.labels, truth.groups, fold_of, task=truth.task, known=may)
        loss = balanced_loss(both, truth.labels, truth.groups, task=truth.task)
        found.append(HeldOut(both, loss, fold_of, strength, evidence))
    return min(found, key=lambda one: one.loss)


def _held_out_places(
    seen: Seen, truth: Truth, fold_of: NDArray[np.int64], may: NDArray[np.bool_], *, seed: int
) -> list[Evidence]:
    if seen.places is None or seen.grid is None:
        return []
    scores, distances = (np.zeros(len(fold_of), np.float32) for _ in range(2))
    for fold in range(int(fold_of.max()) + 1):
        unseen = np.flatnonzero(fold_of == fold)
        others = np.flatnonzero((fold_of != fold) & may)
        scores[unseen] = _place_score(seen.places, truth, others, seed=seed).scores(seen.places, unseen)
        distances[unseen] = _gaussians(seen.grid, truth, others, seed=seed).distances(seen.grid, unseen)
    direction = None if has_one_logit(truth.task) else truth.direction
    return [
        Evidence("places", scores[:, np.newaxis], direction),
        Evidence("distance", distances[:, np.newaxis], direction),
    ]


def _place_score(places: NDArray[np.float16], truth: Truth, at: Positions, *, seed: int) -> PlaceScore:
    kinds = [at[truth.is_defect[at]], at[~truth.is_defect[at]]]
    some = [spread_over_groups(kind, truth.groups, most=MOST, seed=seed) for kind in kinds]
    return learn_place_score(places, truth.is_defect, np.concatenate(some), seed=seed)


def _gaussians(grid: NDArray[np.float16], truth: Truth, at: Positions, *, seed: int) -> PatchGaussians:
    some = spread_over_groups(at[~truth.is_defect[at]], truth.groups, most=MOST_OK, seed=seed)
    return learn_gaussians(grid[some], seed=seed)


class FrozenLearner:
    """A head on features of a backbone, a score of its places, and their distance from OK parts."""

    needs_validation = False
    augments_classes = False

    def __init__(
        self,
        dataset: Dataset,
        backbone: Any,
        feature_spec: FeatureSpec,
        *,
        name: str,
        seed: int,
        threads: int,
    ) -> None:
        self._dataset, self._backbone, self._feature_spec, self._name = dataset, backbone, feature_spec, name
        self._seed, self._threads = seed, threads

    def features(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features, float32 (N, D), of pixels, uint8 (N, H, W, C), of any height and width; in float."""
        maps = build_maps(self._backbone, self._feature_spec, pixels.shape[1:])
        everything = np.arange(len(pixels))
        return Eyes(maps, pixels, everything, has_places=False).see(pixels, everything).features

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Learn from the photographs at ``train``, and again with parts held out in turn."""
        dataset, truth = self._dataset, Truth.of(self._dataset, train)
        some = spread_over_groups(train, dataset.groups.numbers, most=FITTED_ON, seed=self._seed)
        maps = build_maps(self._backbone, self._feature_spec, dataset.pixels.shape[1:])
        maps = rounded(maps, dataset.pixels[some], seed=self._seed)
        eyes = Eyes(maps, dataset.pixels, some, has_places=dataset.ok_index is not None)
        seen = eyes.see(dataset.pixels, train)
        fold_of = folds_by_group(truth.labels, truth.groups, folds=FOLDS, seed=self._seed)
        held_out = hold_out(seen, truth, fold_of, seed=self._seed, threads=self._threads)
        combination = combine(held_out.evidence, truth.labels, truth.groups, task=truth.task)
        models = _Models.learn(seen, truth, held_out.strength, seed=self._seed)
        logits = combination.logits(models.evidence(seen, truth))
        parts, bias, heat = _parts(eyes, models, combination, truth)
        largest = float(np.abs(logits).max())
        network = assemble(maps, parts, bias, name=self._name, largest_logit=largest)
        history = history_by_fold(logits, held_out.logits, truth.labels, fold_of)
        curve = self._curve(seen, truth, held_out)
        turns = f"all parts, held out in {int(fold_of.max()) + 1} turns"
        method = self._method(held_out, combination)
        return Learned(network, held_out.logits, train, turns, history, "fold", method, heat, fold_of, curve)

    def _curve(self, seen: Seen, truth: Truth, held_out: HeldOut) -> LearningCurve | None:
        """Of a sample of the photographs, if there are many."""
        everything = np.arange(len(truth.labels))
        at = spread_over_groups(everything, truth.groups, most=MOST_ASKED, seed=self._seed)
        some, known = seen.subset(at), truth.subset(at)

        def error_of(mask: NDArray[np.bool_]) -> Statistic:
            said = hold_out(
                some,
                known,
                held_out.fold_of[at],
                seed=self._seed,
                threads=self._threads,
                strengths=(held_out.strength,),
                known=mask,
            )
            area = area_under_roc(class_probabilities(said.logits, known.task), known)
            return lambda weights: 1 - area(weights)

        classes = self._dataset.classes
        return learning_curve(error_of, known.labels, known.groups, classes, seed=self._seed)

    def _method(self, held_out: HeldOut, combination: Combination) -> dict[str, Any]:
        weights = {
            one.name: round(float(weight), 3)
            for one, weight in zip(held_out.evidence, combination.weights, strict=True)
        }
        kinds = {
            "texture": "a linear head on pretrained features",
            "places": "the score of the most suspicious place",
            "distance": "the distance of the strangest place from OK parts",
        }
        return {
            "learned_by": ", ".join(kinds[name] for name, weight in weights.items() if weight > 0),
            "backbone": self._backbone.name,
            "weights": self._backbone.source,
            "evidence_weights": weights,
            "strength": held_out.strength,
            "seed": self._seed,
        }


@dataclass(frozen=True)
class _Models:
    """Models that have learned from all photographs."""

    head: Any
    places: PlaceScore | None
    gaussians: PatchGaussians | None

    @classmethod
    def learn(cls, seen: Seen, truth: Truth, strength: float, *, seed: int) -> "_Models":
        head = learn_head(seen.features, truth.labels, truth.groups, task=truth.task, strength=strength)
        if seen.places is None or seen.grid is None:
            return cls(head, None, None)
        everything = np.arange(len(truth.labels))
        places = _place_score(seen.places, truth, everything, seed=seed)
        return cls(head, places, _gaussians(seen.grid, truth, everything, seed=seed))

    def evidence(self, seen: Seen, truth: Truth) -> list[Evidence]:
        """Their answers for photographs, in the order of `hold_out`."""
        found = [Evidence("texture", self.head.logits(seen.features))]
        if self.places and self.gaussians and seen.places is not None and seen.grid is not None:
            direction = None if has_one_logit(truth.task) else truth.direction
            scores = self.places.scores(seen.places, np.arange(len(seen.places)))
            distances = self.gaussians.distances(seen.grid)
            found.append(Evidence("places", scores[:, np.newaxis], direction))
            found.append(Evidence("distance", distances[:, np.newaxis], direction))
        return found


def _parts(
    eyes: Eyes, models: _Models, combination: Combination, truth: Truth
) -> tuple[list[Part], NDArray[np.float32], Any]:
    """The summands of the network, its bias (outputs,), and the base of its heatmap, or None."""
    factor = combination.weights[0] / combination.deviations[0]
    parts: Sequence[Part] = [
        Part(part.values, np.asarray(part.rows * factor, np.float32), part.set_weights)
        for part in head_parts(eyes.maps, models.head)
    ]
    shift = factor * combination.means[0] - combination.bias
    bias = np.asarray(models.head.bias * factor - shift, np.float32)
    if models.places is None or models.gaussians is None:
        return list(parts), bias, None
    says = [
        Say(
            float(combination.means[kind]),
            float(combination.deviations[kind]),
            np.asarray(combination.weights[kind] * truth.direction, np.float32),
        )
        for kind in (1, 2)
    ]
    place, heat = place_part(eyes.places, models.places, says[0])
    if combination.weights[2] <= 0:
        return [*parts, place], bias, heat
    values, set_weights = add_distance(
        eyes.grid, models.gaussians, mean=says[1].mean, deviation=says[1].deviation, most=LARGEST_DEVIATION
    )
    return [*parts, place, Part(values, says[1].weights[np.newaxis], set_weights)], bias, heat
