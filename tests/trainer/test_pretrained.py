"""The default network: with its head it says what its features said, as far as int8 can."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import InputError
from tests.test_chain import pretrained_weights
from trainer.evaluate import predict_batches
from trainer.head import learn_head
from trainer.models.pretrained import (
    LAST,
    MEANS_AND_DEVIATIONS,
    _window,
    build_features,
    build_maps,
    with_head,
)
from trainer.weights import Weights, read_weights

CHANCE = np.random.default_rng(6)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return read_weights(pretrained_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5"))


@pytest.mark.parametrize(("size", "channels"), [(32, 1), (48, 3), (100, 1)])
def test_the_network_is_its_features_and_its_head(weights: Weights, size: int, channels: int) -> None:
    pixels = CHANCE.integers(0, 256, (24, size, size, channels), dtype=np.uint8)
    maps = build_maps(MEANS_AND_DEVIATIONS, weights, pixels, seed=1)
    features = predict_batches(build_features(maps), pixels, "features")
    labels = np.arange(24) % 2
    head = learn_head(features, labels, np.arange(24), task="binary", strength=0.003)
    wanted = head.logits(features)
    network = with_head(
        maps, MEANS_AND_DEVIATIONS, head, name="default", largest_logit=float(np.abs(wanted).max())
    )
    logits = predict_batches(network, pixels, "logits")
    assert np.corrcoef(logits[:, 0], wanted[:, 0])[0, 1] > 0.99
    assert np.abs(logits - wanted).mean() < 0.1 * np.abs(wanted).max()


def test_logits_take_256_values_up_to_the_largest(weights: Weights) -> None:
    pixels = CHANCE.integers(0, 256, (24, 32, 32, 1), dtype=np.uint8)
    maps = build_maps(LAST, weights, pixels, seed=1)
    features = predict_batches(build_features(maps), pixels, "features")
    head = learn_head(features, np.arange(24) % 2, np.arange(24), task="binary", strength=10)
    logits = predict_batches(with_head(maps, LAST, head, name="frozen", largest_logit=0.5), pixels, "logits")
    assert np.abs(logits).max() <= 0.51
    assert np.allclose(logits * 254, np.round(logits * 254), atol=1e-3)


@given(st.integers(1, 60))
def test_a_window_of_the_mean_divides_its_map_and_leaves_few_places(side: int) -> None:
    window = _window(side)
    assert side % window == 0
    assert side // window <= 8
    left = [side // smaller for smaller in range(1, window) if side % smaller == 0]
    assert not any(2 <= places <= 5 for places in left)


def test_a_file_of_weights_that_is_not_there_is_named_with_where_it_was_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--weights .*gone\.h5: no such file"):
        read_weights(tmp_path / "gone.h5")
    with pytest.raises(InputError, match=r"LINEGATE_WEIGHTS .*gone\.h5: no such file"):
        read_weights(tmp_path / "gone.h5", named_by="LINEGATE_WEIGHTS")
