"""The default network: equalized and with its head it says what its features said."""

import numpy as np
import pytest

from trainer.evaluate import predict_batches
from trainer.head import learn_head
from trainer.models.pretrained import build_features, build_maps, equalize, with_head
from trainer.weights import Weights

CHANCE = np.random.default_rng(6)


@pytest.fixture(scope="module")
def weights() -> Weights:
    """MobileNet's shapes, with values that were never trained."""
    import keras

    keras.utils.set_random_seed(2)
    network = keras.applications.MobileNet(
        input_shape=(32, 32, 3), alpha=0.25, include_top=False, weights=None
    )
    return Weights({layer.name: layer.get_weights() for layer in network.layers if layer.weights}, "chance")


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (48, 3), (100, 1)])
def test_the_network_is_its_features_and_its_head(weights: Weights, size: int, channels: int) -> None:
    pixels = CHANCE.integers(0, 256, (24, size, size, channels), dtype=np.uint8)
    maps = build_maps(size, size, channels, weights)
    features = predict_batches(build_features(maps), pixels, "features")
    labels = np.arange(24) % 2
    head = learn_head(features, labels, np.arange(24), task="binary", strength=0.3)
    logits = predict_batches(with_head(maps, head, name="default"), pixels, "logits")
    assert np.allclose(logits, head.logits(features), atol=2e-3)


def test_equalizing_changes_no_standardized_feature_but_lifts_weak_channels(weights: Weights) -> None:
    light = CHANCE.uniform(0.1, 1, (24, 1, 1, 1))
    pixels = (CHANCE.integers(0, 256, (24, 64, 64, 1)) * light).astype(np.uint8)
    maps = build_maps(64, 64, 1, weights)
    before = predict_batches(build_features(maps), pixels, "features")
    equalize(maps, (pixels.astype(np.float32) - 128) / np.float32(127.5))
    after = predict_batches(build_features(maps), pixels, "features")
    used = before.std(axis=0) > 1e-2 * before.mean(axis=0)
    first, then = ((x[:, used] - x[:, used].mean(axis=0)) / x[:, used].std(axis=0) for x in (before, after))
    assert used.sum() > 500
    assert np.allclose(first, then, atol=0.02)
    assert np.median(after[:, used].mean(axis=0)) > 2 * np.median(before[:, used].mean(axis=0))


def test_grey_weights_are_the_sum_over_the_colours(weights: Weights) -> None:
    grey = CHANCE.integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
    one = predict_batches(build_features(build_maps(32, 32, 1, weights)), grey, "grey")
    three = predict_batches(build_features(build_maps(32, 32, 3, weights)), grey.repeat(3, axis=3), "colour")
    assert np.allclose(one, three, atol=1e-4)
