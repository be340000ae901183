"""Learning what OK parts look like, from these alone; defective photographs only count in figures."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.backbones.mobilenet_v1 import MobileNetV1
from trainer.backbones.whole_numbers import PHOTOGRAPHS, in_whole_numbers
from trainer.dataset import Dataset
from trainer.evaluate import predict_batches, predict_logits
from trainer.fit import FitSettings, Records, fit
from trainer.learners.learner import Learned, Positions, history_by_fold
from trainer.models.anomaly import build_autoencoder, joined, with_error, with_logit, with_normality
from trainer.models.heatmap import distance_by_place
from trainer.models.pretrained import LARGEST_LOGIT, PLACE_BLOCKS
from trainer.normality import MOST, learn_normality
from trainer.split import folds_by_group, spread_over_groups
from trainer.weights import Weights

FOLDS = 5
CALIBRATED_AT, MEDIAN_LOGIT = 0.01, -4.0


@dataclass(frozen=True)
class Calibration:
    """From a distance to a logit: 0 where one OK part in a hundred would be rejected.

    At the median of OK parts it is MEDIAN_LOGIT. So a score of 0.5 means the same for every model.
    """

    slope: float
    offset: float

    def logits(self, distances: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N, 1) of distances (N,)."""
        return np.asarray(self.slope * distances + self.offset, np.float32)[:, np.newaxis]


def calibrate(distances: NDArray[np.float32]) -> Calibration:
    """By the distances (N,) of OK photographs that were not learned from."""
    middle, limit = np.quantile(distances, (0.5, 1 - CALIBRATED_AT), method="higher")
    spread = max(float(limit - middle), 1e-3 * abs(float(limit)), 1e-6)
    slope = -MEDIAN_LOGIT / spread
    return Calibration(slope, -slope * float(limit))


class NormalityLearner:
    """A Gaussian for each place of a pretrained network's maps."""

    needs_validation = False

    def __init__(self, dataset: Dataset, weights: Weights, *, seed: int) -> None:
        self._dataset, self._weights, self._seed = dataset, weights, seed
        spec = dataset.spec
        self._trunk = MobileNetV1(weights).build(
            spec.height, spec.width, spec.channels, [f"block{block}" for block in PLACE_BLOCKS]
        )

    def learn(self, train: Positions, validation: Positions) -> Learned:  # noqa: ARG002  nothing to stop early
        """Learn from the OK photographs at ``train``, and again with parts held out in turn."""
        dataset = self._dataset
        at = spread_over_groups(_ok(dataset, train), dataset.groups.numbers, most=MOST, seed=self._seed)
        some = spread_over_groups(at, dataset.groups.numbers, most=PHOTOGRAPHS, seed=self._seed)
        network = joined(in_whole_numbers(self._trunk, dataset.pixels[some], seed=self._seed))
        maps = predict_batches(network, dataset.pixels, "features", at).astype(np.float16)
        groups = dataset.groups.numbers[at]
        fold_of = folds_by_group(
            np.zeros_like(at), groups, folds=FOLDS, seed=self._seed, classes=dataset.classes
        )
        held_out = np.zeros(len(at), np.float32)
        for fold in range(int(fold_of.max()) + 1):
            unseen = fold_of == fold
            held_out[unseen] = learn_normality(maps[~unseen], seed=self._seed).distances(maps[unseen])
        normality = learn_normality(maps, seed=self._seed)
        calibration = calibrate(held_out)
        network = with_normality(
            network,
            normality,
            slope=calibration.slope,
            offset=calibration.offset,
            largest=LARGEST_LOGIT,
        )
        logits = calibration.logits(held_out)
        history = history_by_fold(
            calibration.logits(normality.distances(maps)), logits, np.zeros_like(at), fold_of
        )
        turns = f"OK training parts held out in {int(fold_of.max()) + 1} turns"
        method = {
            "learned_by": "a Gaussian of pretrained features at each place, of OK parts alone",
            "weights": self._weights.source,
            "learned_from": len(at),
            "seed": self._seed,
        }
        return Learned(network, logits, at, turns, history, "fold", method, distance_by_place(network))


class AutoencoderLearner:
    """An autoencoder: what it cannot draw again is strange."""

    needs_validation = True

    def __init__(self, dataset: Dataset, settings: FitSettings, records: Records) -> None:
        self._dataset, self._settings, self._records = dataset, settings, records

    def learn(self, train: Positions, validation: Positions) -> Learned:
        """Train until the OK photographs at ``validation`` are no longer drawn better."""
        import keras

        dataset, spec = self._dataset, self._dataset.spec
        keras.utils.set_random_seed(self._settings.seed)
        autoencoder = build_autoencoder(spec.height, spec.width, spec.channels)
        kept = _ok(dataset, validation)
        history = fit(
            autoencoder,
            dataset,
            train=_ok(dataset, train),
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
        held_out, which = calibration.logits(distances), "the OK validation images"
        network = with_logit(distance, slope=calibration.slope, offset=calibration.offset, name="autoencoder")
        evidence = distance_by_place(network)
        return Learned(network, held_out, kept, which, history, "epoch", method, evidence)


def _ok(dataset: Dataset, positions: Positions) -> Positions:
    return np.asarray(positions[dataset.labels[positions] == dataset.ok_index])
