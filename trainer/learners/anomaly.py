"""Learning to draw OK parts again, from these alone; defective photographs only count in figures."""

from dataclasses import asdict

import numpy as np

from trainer.dataset import Dataset
from trainer.fit import FitSettings, Records, fit
from trainer.learners.learner import Learned, Positions
from trainer.methods.calibration import calibrate
from trainer.models.anomaly import build_autoencoder, with_error, with_logit
from trainer.models.heatmap import distance_by_place
from trainer.predict import predict_logits


class AutoencoderLearner:
    """An autoencoder: what it cannot draw again is strange."""

    needs_validation = True
    augments_classes = False
    features = None

    def __init__(self, dataset: Dataset, settings: FitSettings, records: Records) -> None:
        self._dataset, self._settings, self._records = dataset, settings, records

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """Train until the OK photographs at ``validation`` are no longer drawn better."""
        import keras

        dataset, spec = self._dataset, self._dataset.spec
        keras.utils.set_random_seed(self._settings.seed)
        autoencoder = build_autoencoder(spec.height, spec.width, spec.channels)
        kept = ok_among(dataset, validation)
        history = fit(
            autoencoder,
            dataset,
            train=ok_among(dataset, train),
            validation=kept,
            settings=self._settings,
            records=self._records,
        )
        distance = with_error(autoencoder)
        distances = predict_logits(distance, dataset.pixels[kept])[:, 0]
        calibration = calibrate(distances)
        method = {
            "learned_by": "an autoencoder, of OK parts alone",
            **asdict(self._settings),
            "augment": list(self._settings.augment),
            "epochs_run": len(history["loss"]),
        }
        held_out, which = calibration.logits(distances)[:, np.newaxis], "the OK validation images"
        network = with_logit(distance, slope=calibration.slope, offset=calibration.offset, name="autoencoder")
        evidence = distance_by_place(network)
        return Learned(network, held_out, kept, which, history, "epoch", method, evidence)


def ok_among(dataset: Dataset, positions: Positions) -> Positions:
    """Those of the positions at which there are OK parts."""
    return np.asarray(positions[dataset.labels[positions] == dataset.ok_index])
