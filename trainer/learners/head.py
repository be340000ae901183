"""A linear head on the features of a pretrained network, and how strange the strangest place is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import has_one_logit
from trainer.backbones.whole_numbers import PHOTOGRAPHS
from trainer.dataset import Dataset
from trainer.evaluate import each_batch, predict_batches
from trainer.head import STRENGTHS, HeldOutHeads, hold_out, learn_head
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.methods.padim.gaussians import MOST, PatchGaussians, Strangeness, learn_gaussians
from trainer.models.heatmap import defect_direction
from trainer.models.pretrained import (
    Look,
    build_features,
    build_maps,
    build_place_map,
    evidence_of,
    with_head,
)
from trainer.scratch import scratch_array
from trainer.split import folds_by_group, spread_over_groups
from trainer.weights import Weights

FOLDS = 5


class HeadLearner:
    """A linear head on the features of a pretrained network, which learns nothing but how to round.

    Where it looks at places, and there is an OK class, the distance of the strangest place from OK parts
    has a say as well, as much as held-out parts allow it.
    """

    needs_validation = False

    def __init__(
        self,
        dataset: Dataset,
        weights: Weights,
        look: Look,
        *,
        name: str,
        seed: int,
        threads: int,
    ) -> None:
        self._dataset, self._weights, self._look, self._name = dataset, weights, look, name
        self._seed, self._threads = seed, threads
        self._has_places = bool(look.place_blocks) and dataset.ok_index is not None

    def features_of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features, float32 (N, D), of pixels, uint8 (N, H, W, C), of any height and width."""
        some = np.sort(np.random.default_rng(self._seed).permutation(len(pixels))[:PHOTOGRAPHS])
        maps = build_maps(self._look, self._weights, pixels[some], seed=self._seed)
        return predict_batches(build_features(maps), pixels, "features")

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Fit the head, and again with parts held out in turn. Validation stays unseen."""
        dataset = self._dataset
        labels, groups = dataset.labels[train], dataset.groups.numbers[train]
        some = spread_over_groups(train, dataset.groups.numbers, most=PHOTOGRAPHS, seed=self._seed)
        maps = build_maps(self._look, self._weights, dataset.pixels[some], seed=self._seed)
        features = predict_batches(build_features(maps), dataset.pixels, "features", train)
        places = None
        if self._has_places:
            places = _Places(dataset, build_place_map(maps, self._look), train, seed=self._seed)
        fold_of = folds_by_group(labels, groups, folds=FOLDS, seed=self._seed)
        held_out = places.held_out(fold_of) if places is not None else None
        tried = hold_out(
            features,
            labels,
            groups,
            fold_of,
            task=dataset.task,
            strengths=STRENGTHS,
            threads=self._threads,
            evidence=held_out.evidence if held_out is not None else None,
        )
        best = min(tried, key=lambda one: one.loss)
        head = learn_head(features, labels, groups, task=dataset.task, strength=best.strength)
        head = head.scaled(best.temperature)
        seen, strangeness = head.logits(features), None
        if places is not None and held_out is not None and best.weight > 0:
            strangeness = places.strangeness(held_out, best.weight / best.temperature)
            seen = seen + strangeness.logits(strangeness.gaussians.distances(places.maps))
        history = history_by_fold(seen, best.logits, labels, fold_of)
        largest = float(np.abs(seen).max())
        network = with_head(
            maps, self._look, head, name=self._name, largest_logit=largest, strangeness=strangeness
        )
        turns = f"training parts held out in {int(fold_of.max()) + 1} turns"
        direction = defect_direction(dataset.task, dataset.outputs, dataset.ok_index)
        evidence = evidence_of(maps, self._look, head, direction) if direction is not None else None
        return Learned(network, best.logits, train, turns, history, "fold", self._method(best), evidence)

    def _method(self, best: HeldOutHeads) -> dict[str, Any]:
        strangest = " and the distance of the strangest place from OK parts" if best.weight > 0 else ""
        return {
            "learned_by": f"a linear head on pretrained features{strangest}",
            "weights": self._weights.source,
            "strength": best.strength,
            "strangeness": round(best.weight / best.temperature, 4),
            "temperature": round(best.temperature, 4),
            "seed": self._seed,
        }


class _HeldOutDistances:
    """Of parts (N,) that the Gaussians did not know; ``evidence``: (N, outputs), standardized."""

    def __init__(self, distances: NDArray[np.float32], direction: NDArray[np.float32]) -> None:
        self.mean, self.deviation = float(distances.mean()), max(float(distances.std()), 1e-6)
        self.evidence = ((distances - self.mean) / self.deviation)[:, np.newaxis] * direction


class _Places:
    """The maps of photographs at ``train``, (N, H, W, C), float16 on the disk, and what is normal in them."""

    def __init__(self, dataset: Dataset, network: Any, train: Positions, *, seed: int) -> None:
        self._seed = seed
        self._is_ok = dataset.labels[train] == dataset.ok_index
        self._groups = dataset.groups.numbers[train]
        self.maps = scratch_array((len(train), *network.output.shape[1:]), np.float16)
        start = 0
        for (batch,) in each_batch(network, dataset.pixels, "places", train):
            self.maps[start : start + len(batch)] = batch
            start += len(batch)
        # Strange is defective; with several classes, strange is not OK.
        self._direction = np.zeros(dataset.outputs, np.float32)
        if has_one_logit(dataset.task):
            self._direction[0] = 1
        else:
            self._direction[dataset.ok_index] = -1

    def held_out(self, fold_of: NDArray[np.int64]) -> _HeldOutDistances:
        """The distance of each photograph by the OK ones of other folds."""
        distances = np.zeros(len(fold_of), np.float32)
        for fold in range(int(fold_of.max()) + 1):
            unseen = fold_of == fold
            gaussians = self._gaussians(self._is_ok & ~unseen)
            distances[unseen] = gaussians.distances(self.maps, np.flatnonzero(unseen))
        return _HeldOutDistances(distances, self._direction)

    def strangeness(self, held_out: _HeldOutDistances, weight: float) -> Strangeness:
        """What all OK photographs teach."""
        weights = np.asarray(weight * self._direction, np.float32)
        return Strangeness(self._gaussians(self._is_ok), held_out.mean, held_out.deviation, weights)

    def _gaussians(self, chosen: NDArray[np.bool_]) -> PatchGaussians:
        some = spread_over_groups(np.flatnonzero(chosen), self._groups, most=MOST, seed=self._seed)
        return learn_gaussians(self.maps[some], seed=self._seed)
