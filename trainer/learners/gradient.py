"""A whole network by gradient descent."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.dataset import Dataset
from trainer.evaluate import predict_logits
from trainer.fit import FitSettings, fit
from trainer.learners.learner import Learned, Positions

Build = Callable[[int, int, int, int], Any]


class GradientLearner:
    """A whole network by gradient descent."""

    needs_validation = True

    def __init__(self, dataset: Dataset, build: Build, settings: FitSettings) -> None:
        self._dataset, self._build, self._settings = dataset, build, settings

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """Train until the validation loss no longer falls."""
        import keras

        dataset = self._dataset
        keras.utils.set_random_seed(self._settings.seed)
        spec = dataset.spec
        network = self._build(spec.height, spec.width, spec.channels, dataset.outputs)
        with tempfile.TemporaryDirectory(prefix="linegate-") as folder:
            history = fit(
                network,
                dataset.pixels,
                dataset.labels,
                train=train,
                validation=validation,
                task=dataset.task,
                settings=self._settings,
                checkpoint=Path(folder) / "best.weights.h5",
            )
        logits = predict_logits(network, dataset.pixels[validation])
        method = {
            "learned_by": "gradient descent",
            **asdict(self._settings),
            "epochs_run": len(history["loss"]),
        }
        return Learned(network, logits, validation, "the validation images", history, "epoch", method)
