"""A linear head on the features of a pretrained network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from trainer.dataset import Dataset
from trainer.evaluate import predict_batches, to_input
from trainer.head import STRENGTHS, hold_out, learn_head
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.models.pretrained import build_features, equalize, with_head
from trainer.weights import Weights

_EQUALIZED_ON = 500  # photographs

Build = Callable[[int, int, int, Weights], Any]


class HeadLearner:
    """A linear head on the features of a pretrained network, which stays as it is."""

    needs_validation = False

    def __init__(
        self, dataset: Dataset, weights: Weights, build: Build, *, name: str, seed: int, threads: int
    ) -> None:
        self._dataset, self._weights, self._name = dataset, weights, name
        self._seed, self._threads = seed, threads
        spec = dataset.spec
        self._maps = build(spec.height, spec.width, spec.channels, weights)
        sample = np.random.default_rng(seed).permutation(len(dataset.pixels))[:_EQUALIZED_ON]
        equalize(self._maps, to_input(dataset.pixels[sample]))
        self._features = predict_batches(build_features(self._maps), dataset.pixels, "features")

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Fit the head, and again with parts held out in turn. Validation stays unseen."""
        dataset = self._dataset
        features, labels = self._features[train], dataset.labels[train]
        groups = dataset.groups.numbers[train]
        tried = hold_out(
            features,
            labels,
            groups,
            task=dataset.task,
            strengths=STRENGTHS,
            seed=self._seed,
            threads=self._threads,
        )
        best = min(tried, key=lambda one: one.loss)
        head = learn_head(features, labels, groups, task=dataset.task, strength=best.strength)
        head = head.scaled(best.temperature)
        turns = f"training parts held out in {int(best.fold_of.max()) + 1} turns"
        method = {
            "learned_by": "a linear head on pretrained features",
            "weights": self._weights.source,
            "strength": best.strength,
            "temperature": round(best.temperature, 4),
            "seed": self._seed,
        }
        history = history_by_fold(head.logits(features), best.logits, labels, best.fold_of)
        network = with_head(self._maps, head, name=self._name)
        return Learned(network, best.logits, train, turns, history, "fold", method)
