"""In whole numbers the trunk says nearly what it said."""

from typing import Any

import cv2
import numpy as np
import pytest

from edge.core.preprocess import to_network_input
from tests.test_chain import pretrained_weights
from trainer.models.trunk import STEP, build_trunk, in_whole_numbers
from trainer.weights import Weights, read_weights

BLOCKS = (2, 5, 11)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return read_weights(pretrained_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5"))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Blurred noise, as uneven as photographs are."""

    chance = np.random.default_rng(1)
    rows = [
        cv2.GaussianBlur(chance.uniform(0, 255, (64, 64)), (0, 0), 1 + number % 5) for number in range(80)
    ]
    return np.stack([np.clip((row - 128) * 4 + 128, 0, 255) for row in rows])[..., np.newaxis].astype(
        np.uint8
    )


@pytest.fixture(scope="module")
def trunk(weights: Weights) -> Any:
    return build_trunk(64, 64, 1, weights, blocks=BLOCKS)


@pytest.fixture(scope="module")
def whole(trunk: Any, pixels: np.ndarray) -> Any:
    return in_whole_numbers(trunk, pixels[:60], seed=1)


def test_every_value_is_a_whole_number_of_steps(whole: Any, pixels: np.ndarray) -> None:
    for values in whole(to_network_input(pixels[60:])):
        steps = values.numpy() / STEP
        assert (steps == np.round(steps)).all()
        assert steps.min() >= 0
        assert steps.max() <= 255
        assert len(np.unique(steps)) > 100  # and uses its range


def test_channels_follow_those_of_the_trunk(trunk: Any, whole: Any, pixels: np.ndarray) -> None:
    seen = to_network_input(pixels[60:])
    for before, after, least in zip(trunk(seen), whole(seen), (0.97, 0.9, 0.8), strict=True):
        wanted, found = (values.numpy().reshape(-1, values.shape[-1]) for values in (before, after))
        lively = wanted.std(axis=0) > 0.1 * wanted.std(axis=0).max()
        correlation = [np.corrcoef(wanted[:, c], found[:, c])[0, 1] for c in np.flatnonzero(lively)]
        assert np.median(correlation) > least  # nothing was learned: the deeper, the wilder
