"""A linear head on the features of a pretrained network, and how strange the strangest place is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.decision import has_one_logit
from trainer.dataset import Dataset
from trainer.evaluate import each_batch, predict_batches
from trainer.head import STRENGTHS, HeldOutHeads, hold_out, learn_head
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.models.pretrained import Look, build_features, build_maps, build_place_map, with_head
from trainer.normality import MOST, Normality, Strangeness, learn_normality
from trainer.scratch import scratch_array
from trainer.split import folds_by_group, spread_over_groups
from trainer.weights import Weights

FOLDS = 5


class HeadLearner:
    """A linear head on the features of a pretrained network, which stays as it is.

    ``features``, float32 (N, D), are those of all photographs. With ``has_places``, and where there is
    an OK class, the distance of the strangest place from OK parts has a say as well, as much as held-out
    parts allow it.
    """

    needs_validation = False

    def __init__(
        self,
        dataset: Dataset,
        weights: Weights,
        look: Look,
        *,
        name: str,
        has_places: bool,
        seed: int,
        threads: int,
    ) -> None:
        self._dataset, self._weights, self._look, self._name = dataset, weights, look, name
        self._seed, self._threads = seed, threads
        self._maps = build_maps(look, weights, dataset.pixels, seed=seed)
        self.features = predict_batches(build_features(self._maps), dataset.pixels, "features")
        has_places = has_places and dataset.ok_index is not None
        self._places = _Places(dataset, build_place_map(self._maps), seed) if has_places else None

    def features_of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The same features of other pixels, uint8 (N, H, W, C), of any height and width."""
        maps = build_maps(self._look, self._weights, pixels, seed=self._seed)
        return predict_batches(build_features(maps), pixels, "features")

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Fit the head, and again with parts held out in turn. Validation stays unseen."""
        dataset = self._dataset
        features, labels = self.features[train], dataset.labels[train]
        groups = dataset.groups.numbers[train]
        fold_of = folds_by_group(labels, groups, folds=FOLDS, seed=self._seed)
        held_out = self._places.held_out(train, fold_of) if self._places is not None else None
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
        if self._places is not None and held_out is not None and best.weight > 0:
            strangeness = self._places.strangeness(train, held_out, best.weight / best.temperature)
            seen = seen + strangeness.logits(strangeness.normality.distances(self._places.maps, train))
        history = history_by_fold(seen, best.logits, labels, fold_of)
        largest = float(np.abs(seen).max())
        network = with_head(self._maps, head, name=self._name, largest_logit=largest, strangeness=strangeness)
        turns = f"training parts held out in {int(fold_of.max()) + 1} turns"
        return Learned(network, best.logits, train, turns, history, "fold", self._method(best))

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
    """Of parts (N,) that the normality did not know; ``evidence``: (N, outputs), standardized."""

    def __init__(self, distances: NDArray[np.float32], direction: NDArray[np.float32]) -> None:
        self.mean, self.deviation = float(distances.mean()), max(float(distances.std()), 1e-6)
        self.evidence = ((distances - self.mean) / self.deviation)[:, np.newaxis] * direction


class _Places:
    """The maps of all photographs, (N, H, W, C), float16 on the disk, and what is normal in them."""

    def __init__(self, dataset: Dataset, network: Any, seed: int) -> None:
        self._dataset, self._seed = dataset, seed
        pixels = dataset.pixels
        self.maps = scratch_array((len(pixels), *network.output.shape[1:]), np.float16)
        start = 0
        for (batch,) in each_batch(network, pixels, "places"):
            self.maps[start : start + len(batch)] = batch
            start += len(batch)
        # Strange is defective; with several classes, strange is not OK.
        self._direction = np.zeros(dataset.outputs, np.float32)
        if has_one_logit(dataset.task):
            self._direction[0] = 1
        else:
            self._direction[dataset.ok_index] = -1

    def held_out(self, train: Positions, fold_of: NDArray[np.int64]) -> _HeldOutDistances:
        """The distance of each photograph at ``train`` by the OK ones of other folds."""
        distances = np.zeros(len(train), np.float32)
        for fold in range(int(fold_of.max()) + 1):
            unseen = fold_of == fold
            distances[unseen] = self._normality(train[~unseen]).distances(self.maps, train[unseen])
        return _HeldOutDistances(distances, self._direction)

    def strangeness(self, train: Positions, held_out: _HeldOutDistances, weight: float) -> Strangeness:
        """What the OK photographs at ``train`` teach."""
        weights = np.asarray(weight * self._direction, np.float32)
        return Strangeness(self._normality(train), held_out.mean, held_out.deviation, weights)

    def _normality(self, train: Positions) -> Normality:
        dataset = self._dataset
        ok = train[dataset.labels[train] == dataset.ok_index]
        chosen = spread_over_groups(ok, dataset.groups.numbers, most=MOST, seed=self._seed)
        return learn_normality(self.maps[chosen], seed=self._seed)
