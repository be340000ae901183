"""A network that learned in float rounds as int8 does: int8 then says the same, bit for bit."""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from edge.core.interpreter import open_interpreter
from edge.core.preprocess import to_network_input
from quantize.convert import convert
from trainer.models.baseline import build_baseline
from trainer.models.blocks import blocks_of
from trainer.models.fake_quantize import FakeQuantize
from trainer.models.heatmap import Evidence, class_activation, defect_direction
from trainer.models.in_steps import in_steps
from trainer.models.scratch import build_scratch
from trainer.models.transfer import BACKBONES, build_transfer

SIDE = 48


def photographs(count: int, *, seed: int) -> np.ndarray:
    """Blurred noise, as uneven as photographs are."""
    chance = np.random.default_rng(seed)
    rows = [
        cv2.GaussianBlur(chance.uniform(0, 255, (SIDE, SIDE)), (0, 0), 1 + number % 5)
        for number in range(count)
    ]
    return np.clip((np.stack(rows) - 128) * 4 + 128, 0, 255)[..., np.newaxis].astype(np.uint8)


SEEN, UNSEEN = photographs(60, seed=1), photographs(20, seed=2)


def residual() -> Any:
    """Values below zero, which are added up, and a ReLU after that."""
    entry = keras.Input((SIDE, SIDE, 1))
    values = layers.Conv2D(8, 3, 4, "same")(entry)
    for _ in range(2):
        more = layers.Conv2D(16, 1, activation="relu")(values)
        more = layers.DepthwiseConv2D(3, padding="same", activation="relu")(more)
        more = layers.BatchNormalization()(layers.Conv2D(8, 1, use_bias=False)(more))
        values = layers.Add()([values, more])
    values = layers.ReLU()(layers.Add()([values, more]))
    return keras.Model(entry, layers.Dense(3)(layers.GlobalAveragePooling2D()(values)))


NETWORKS: dict[str, Callable[[], Any]] = {
    "scratch": lambda: build_scratch(SIDE, SIDE, 1, 1),
    "baseline": lambda: build_baseline(SIDE, SIDE, 1, 3),
    "residual": residual,
    "mobilenet_v1": lambda: build_transfer(BACKBONES["mobilenet_v1"], None, SIDE, SIDE, 1, 1),
}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Any:
    """With the statistics of what it sees, so that nothing fades on the way."""
    keras.utils.set_random_seed(3)
    made = NETWORKS[request.param]()
    for layer in made.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    made(to_network_input(SEEN), training=True)
    return made


@pytest.fixture(scope="module")
def rounded(network: Any) -> Any:
    return in_steps(network, SEEN, seed=1)


def test_int8_says_the_same_bit_for_bit(rounded: Any) -> None:
    interpreter = open_interpreter(convert(rounded, SEEN), threads=1, name="rounded")
    entry, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = end["quantization"]
    wanted = np.asarray(rounded(to_network_input(UNSEEN), training=False)) / scale
    assert len(np.unique(wanted)) > 5
    for image, steps in zip(UNSEEN, wanted, strict=True):
        interpreter.set_tensor(entry["index"], image[np.newaxis])
        interpreter.invoke()
        found = interpreter.get_tensor(end["index"])[0].astype(int) - zero_point
        assert np.array_equal(found, np.round(steps))


@pytest.mark.parametrize("network", ["scratch", "baseline", "residual"], indirect=True)  # deeper is wilder
def test_it_says_nearly_what_the_network_said(network: Any, rounded: Any) -> None:
    before, after = (np.asarray(one(to_network_input(UNSEEN), training=False)) for one in (network, rounded))
    assert rounded.name == network.name
    assert np.abs(after - before).mean() < 0.15 * before.std()


def test_every_value_is_a_whole_number_of_steps(rounded: Any) -> None:
    roundings = [layer for layer in rounded.layers if isinstance(layer, FakeQuantize)]
    values = keras.Model(rounded.input, [layer.output for layer in roundings])(to_network_input(UNSEEN))
    for layer, found in zip(roundings, values, strict=True):
        steps = np.asarray(found) * 255 / (layer.high - layer.low)
        assert (steps == np.round(steps)).all()


def test_the_same_seed_gives_the_same_weights(network: Any, rounded: Any) -> None:
    again = in_steps(network, SEEN, seed=1)
    for one, other in zip(rounded.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_channel_that_never_varies_is_no_trouble() -> None:
    network = build_scratch(SIDE, SIDE, 1, 1)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, *others = layer.get_weights()
            gamma[:4] = (0, 1e-12, 1e-5, -1e-5)
            layer.set_weights([gamma, *others])
    rounded = in_steps(network, SEEN, seed=1)
    before, after = (np.asarray(one(to_network_input(UNSEEN), training=False)) for one in (network, rounded))
    assert np.abs(after - before).max() < 0.1 * max(np.abs(before).max(), 0.1)


def test_a_network_that_rounds_still_shows_where() -> None:
    direction = defect_direction("binary", 1, 0)
    rounded = in_steps(build_scratch(SIDE, SIDE, 1, 1), SEEN, seed=1)
    evidence = class_activation(rounded, direction)
    assert isinstance(evidence, Evidence)
    assert evidence.weights.shape == (96,)


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3"])
def test_a_network_with_other_layers_stays_as_it_is(name: str) -> None:
    network = build_transfer(BACKBONES[name], None, SIDE, SIDE, 1, 1)
    assert in_steps(network, SEEN, seed=1) is network


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "resnet50", "vgg16"])
def test_the_other_networks_are_known(name: str) -> None:
    network = build_transfer(BACKBONES[name], None, 32, 32, 1, 1)
    assert blocks_of(network) is not None


def test_normalization_after_a_relu_cannot_be_folded() -> None:
    entry = keras.Input((8, 8, 1))
    values = layers.BatchNormalization()(layers.Conv2D(2, 3, activation="relu")(entry))
    assert blocks_of(keras.Model(entry, values)) is None


def test_what_two_layers_take_is_rounded_before_either() -> None:
    entry = keras.Input((8, 8, 1))
    values = layers.Conv2D(2, 3, padding="same", name="shared")(entry)
    network = keras.Model(entry, layers.Add()([layers.Conv2D(2, 1)(values), values]))
    blocks = blocks_of(network)
    assert blocks is not None
    assert [block.has_relu for block in blocks] == [False] * 3


@pytest.mark.parametrize("options", [{"dilation_rate": 2}, {"groups": 2}, {"activation": "tanh"}])
def test_convolutions_of_other_kinds_are_not_known(options: dict[str, Any]) -> None:
    entry = keras.Input((8, 8, 2))
    assert blocks_of(keras.Model(entry, layers.Conv2D(2, 3, **options)(entry))) is None
