"""A whole network by gradient descent; one that knows ImageNet goes on from there."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from trainer.dataset import Dataset
from trainer.fit import FitSettings, History, Records, fit
from trainer.learners.learner import Learned, Positions
from trainer.models.heatmap import class_activation, defect_direction
from trainer.models.transfer import (
    PretrainedNetwork,
    build_transfer,
    freeze_all_but_head,
    freeze_statistics_only,
)
from trainer.predict import predict_logits
from trainer.split import spread_over_groups
from trainer.weights import Weights
from trainer.whole_numbers.network import PHOTOGRAPHS, in_whole_numbers

Build = Callable[[int, int, int, int], Any]

_HEAD_EPOCHS = 3
_FINE_TUNING = 0.1  # of the learning rate: more would undo what ImageNet taught


class GradientLearner:
    """A whole network from scratch."""

    needs_validation = True
    augments_classes = True
    features = None

    def __init__(self, dataset: Dataset, build: Build, settings: FitSettings, records: Records) -> None:
        self._dataset, self._build, self._settings, self._records = dataset, build, settings, records

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """Train until the validation loss no longer falls; the network then rounds as int8, if it can."""
        import keras

        dataset, spec = self._dataset, self._dataset.spec
        keras.utils.set_random_seed(self._settings.seed)
        network = self._build(spec.height, spec.width, spec.channels, dataset.outputs)
        history: History = {}
        for settings in self._phases(network):
            learned = fit(
                network,
                dataset,
                train=train,
                validation=validation,
                settings=settings,
                records=self._records,
            )
            history = {name: history.get(name, []) + values for name, values in learned.items()}
        some = spread_over_groups(train, dataset.groups.numbers, most=PHOTOGRAPHS, seed=self._settings.seed)
        network = in_whole_numbers(network, dataset.pixels[some], seed=self._settings.seed)
        logits = predict_logits(network, dataset.pixels, validation)
        method = {**self._method(), "epochs_run": len(history["loss"])}
        direction = defect_direction(dataset.task, dataset.outputs, dataset.ok_index)
        evidence = class_activation(network, direction)
        which = "the validation images"
        return Learned(network, logits, validation, which, history, "epoch", method, evidence)

    def _phases(self, network: Any) -> Iterator[FitSettings]:  # noqa: ARG002  one phase needs nothing
        """The phases of learning, one after the other; the network is made ready for each."""
        yield self._settings

    def _method(self) -> dict[str, Any]:
        settings = {**asdict(self._settings), "augment": list(self._settings.augment)}
        return {"learned_by": "gradient descent", **settings}


class TransferLearner(GradientLearner):
    """A network with ImageNet weights, fine-tuned: first the new head alone, then all, more slowly."""

    def __init__(
        self,
        dataset: Dataset,
        backbone: PretrainedNetwork,
        weights: Weights,
        settings: FitSettings,
        records: Records,
    ) -> None:
        super().__init__(dataset, lambda *shape: build_transfer(backbone, weights, *shape), settings, records)
        self._source = weights.source

    def _phases(self, network: Any) -> Iterator[FitSettings]:
        freeze_all_but_head(network)
        yield replace(self._settings, epochs=min(_HEAD_EPOCHS, self._settings.epochs or _HEAD_EPOCHS))
        freeze_statistics_only(network)
        yield replace(self._settings, learning_rate=_FINE_TUNING * self._settings.learning_rate)

    def _method(self) -> dict[str, Any]:
        return {**super()._method(), "learned_by": "fine-tuning", "weights": self._source}
