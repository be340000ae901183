"""A Gaussian at each place: what is far from OK parts, and the same as a network."""

import numpy as np
import pytest

from trainer.learners.anomaly import MEDIAN_LOGIT, calibrate
from trainer.normality import CLIP, Normality, learn_normality


def ok_maps(count: int, *, seed: int) -> np.ndarray:
    """Maps (count, 4, 5, 60): each place has its own mean and its own correlations."""
    places = np.random.default_rng(1)
    mean, mix = places.normal(0, 3, (4, 5, 60)), places.normal(0, 1, (4, 5, 8, 60))
    chance = np.random.default_rng(seed)
    hidden = chance.normal(size=(count, 4, 5, 1, 8))
    return np.asarray(mean + (hidden @ mix)[..., 0, :] + chance.normal(0, 0.2, (count, 4, 5, 60)), np.float32)


@pytest.fixture(scope="module")
def normality() -> Normality:
    return learn_normality(ok_maps(400, seed=2), seed=1)


def test_unseen_ok_parts_are_near_and_one_strange_place_is_far(normality: Normality) -> None:
    good = normality.distances(ok_maps(200, seed=3))
    bad = ok_maps(200, seed=4)
    bad[:, 2, 3] = bad[:, 1, 1]  # what is usual elsewhere
    assert good.max() < normality.distances(bad).min()


def test_a_distance_is_never_more_than_the_clip(normality: Normality) -> None:
    assert normality.distances(np.full((1, 4, 5, 60), 1e4, np.float32))[0] <= CLIP


def test_fewer_photographs_than_dimensions_still_give_a_distance() -> None:
    few = learn_normality(ok_maps(6, seed=5), seed=1)
    distances = few.distances(ok_maps(50, seed=6))
    assert np.isfinite(distances).all()


def test_the_network_says_the_same_as_the_formula_but_for_its_steps(normality: Normality) -> None:
    import keras

    from trainer.models.anomaly import with_normality
    from trainer.models.fake_quantize import FakeQuantize

    entry = keras.Input((4, 5, 60))
    maps = keras.Model(entry, FakeQuantize(-20, 20)(entry))
    network = with_normality(maps, normality, slope=2, offset=-1, largest=8)
    unseen = ok_maps(20, seed=7)
    wanted = 2 * normality.distances(maps(unseen).numpy()) - 1
    assert np.abs(network(unseen).numpy()[:, 0] - wanted).max() < 4 * 16 / 255  # steps of int8


def test_a_score_of_one_half_means_one_ok_part_in_a_hundred() -> None:
    distances = np.random.default_rng(1).gamma(5, 1, 1001).astype(np.float32)
    calibration = calibrate(distances)
    assert (calibration.logits(distances) > 0).mean() == pytest.approx(0.01, abs=0.002)
    assert np.median(calibration.logits(distances)) == pytest.approx(MEDIAN_LOGIT, abs=0.01)


def test_distances_that_are_all_the_same_are_calibrated_too() -> None:
    logits = calibrate(np.full(20, 0.7, np.float32)).logits(np.array([0.7, 1.4], np.float32))
    assert np.isfinite(logits).all()
    assert logits[1] > 0
