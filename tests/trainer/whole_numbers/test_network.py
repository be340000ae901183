"""A network in whole numbers says nearly what it said, and int8 says the same as it, bit for bit."""

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
from trainer.backbones.efficientnet_lite0 import find_efficientnet_lite0
from trainer.models.baseline import build_baseline
from trainer.models.heatmap import Evidence, class_activation, defect_direction
from trainer.models.scratch import build_scratch
from trainer.models.transfer import PRETRAINED, build_transfer
from trainer.whole_numbers import network as module
from trainer.whole_numbers.blocks import blocks_of
from trainer.whole_numbers.fake_quantize import FakeQuantize, range_of
from trainer.whole_numbers.network import in_whole_numbers

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
    "mobilenet_v1": lambda: build_transfer(PRETRAINED["mobilenet_v1"], None, SIDE, SIDE, 1, 1),
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
    return in_whole_numbers(network, SEEN, seed=1)


def assert_int8_says_the_same(network: Any) -> None:
    """Each output, of a shape of its own, for each photograph."""
    interpreter = open_interpreter(convert(network, SEEN), threads=1, name="rounded")
    (entry,) = interpreter.get_input_details()
    ends = {tuple(end["shape"][1:]): end for end in interpreter.get_output_details()}
    found = network(to_network_input(UNSEEN), training=False)
    for wanted in found if isinstance(found, list) else [found]:
        end = ends[tuple(wanted.shape[1:])]
        scale, zero_point = end["quantization"]
        assert len(np.unique(wanted)) > 5
        for image, values in zip(UNSEEN, np.asarray(wanted), strict=True):
            interpreter.set_tensor(entry["index"], image[np.newaxis])
            interpreter.invoke()
            steps = interpreter.get_tensor(end["index"])[0].astype(int) - zero_point
            assert np.array_equal(steps, np.round(values / scale))


def test_int8_says_the_same_bit_for_bit(rounded: Any) -> None:
    assert_int8_says_the_same(rounded)


@pytest.mark.parametrize("network", ["scratch", "baseline", "residual"], indirect=True)  # deeper is wilder
def test_it_says_nearly_what_the_network_said(network: Any, rounded: Any) -> None:
    before, after = (np.asarray(one(to_network_input(UNSEEN), training=False)) for one in (network, rounded))
    assert rounded.name == network.name
    assert rounded.output.shape == network.output.shape
    assert np.abs(after - before).mean() < 0.15 * before.std()


def test_every_value_is_a_whole_number_of_steps(rounded: Any) -> None:
    roundings = [layer for layer in rounded.layers if isinstance(layer, FakeQuantize)]
    values = keras.Model(rounded.input, [layer.output for layer in roundings])(to_network_input(UNSEEN))
    for layer, found in zip(roundings, values, strict=True):
        steps = np.asarray(found) * 255 / (layer.high - layer.low)
        assert (steps == np.round(steps)).all()


@pytest.fixture(scope="module")
def lite0() -> Any:
    """Maps between blocks, with values below zero, added up and not."""
    backbone = find_efficientnet_lite0()
    assert backbone is not None
    return backbone.build(SIDE, SIDE, 1, ["block2", "block5", "block10"])


@pytest.fixture(scope="module")
def lite0_rounded(lite0: Any) -> Any:
    return in_whole_numbers(lite0, SEEN, seed=1)


def test_maps_of_a_backbone_are_the_same_in_int8_bit_for_bit(lite0_rounded: Any) -> None:
    assert_int8_says_the_same(lite0_rounded)


def test_channels_of_maps_follow_those_of_the_backbone_and_use_their_range(
    lite0: Any, lite0_rounded: Any
) -> None:
    seen = to_network_input(UNSEEN)
    maps = zip(lite0(seen), lite0_rounded(seen), lite0_rounded.outputs, strict=True)
    for before, after, tensor in maps:
        wanted, found = (values.numpy().reshape(-1, values.shape[-1]) for values in (before, after))
        correlation = [np.corrcoef(*pair)[0, 1] for pair in zip(wanted.T, found.T, strict=True)]
        assert np.median(correlation) > 0.98
        low, high = range_of(tensor)
        assert found.min() >= low
        assert found.max() <= high
        assert np.median(np.abs(found).max(axis=0)) > high / 3


def test_of_larger_photographs_fewer_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def count(pixels: np.ndarray) -> np.ndarray:
        looked.append(len(pixels))
        return to_network_input(pixels)

    monkeypatch.setattr(module, "to_network_input", count)
    monkeypatch.setattr(module, "PIXELS", 20 * SIDE * SIDE)
    in_whole_numbers(residual(), SEEN, seed=1)
    assert sum(looked) == 20


@pytest.mark.parametrize(("side", "paddings"), [(32, 0), (33, 1)])
def test_padding_before_a_stride_is_the_convolutions_own_where_it_pads_alike(
    side: int, paddings: int
) -> None:
    entry = keras.Input((side, side, 1))
    values = layers.ZeroPadding2D(((0, 1), (0, 1)))(entry)
    network = keras.Model(entry, layers.Conv2D(4, 3, 2)(values))
    seen = SEEN[:, :side, :side]
    rounded = in_whole_numbers(network, seen, seed=1)
    found = [layer for layer in rounded.layers if isinstance(layer, layers.ZeroPadding2D)]
    assert len(found) == paddings
    before, after = (np.asarray(one(to_network_input(seen))) for one in (network, rounded))
    for wanted, said in zip(before.reshape(-1, 4).T, after.reshape(-1, 4).T, strict=True):
        assert np.corrcoef(wanted, said)[0, 1] > 0.999


def test_the_same_seed_gives_the_same_weights(network: Any, rounded: Any) -> None:
    again = in_whole_numbers(network, SEEN, seed=1)
    for one, other in zip(rounded.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_channel_that_never_varies_is_no_trouble() -> None:
    network = build_scratch(SIDE, SIDE, 1, 1)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, *others = layer.get_weights()
            gamma[:4] = (0, 1e-12, 1e-5, -1e-5)
            layer.set_weights([gamma, *others])
    rounded = in_whole_numbers(network, SEEN, seed=1)
    before, after = (np.asarray(one(to_network_input(UNSEEN), training=False)) for one in (network, rounded))
    assert np.abs(after - before).max() < 0.1 * max(np.abs(before).max(), 0.1)


def test_a_network_that_rounds_still_shows_where() -> None:
    direction = defect_direction("binary", 1, 0)
    rounded = in_whole_numbers(build_scratch(SIDE, SIDE, 1, 1), SEEN, seed=1)
    evidence = class_activation(rounded, direction)
    assert isinstance(evidence, Evidence)
    assert evidence.weights.shape == (96,)


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3"])
def test_a_network_with_other_layers_stays_as_it_is(name: str) -> None:
    network = build_transfer(PRETRAINED[name], None, SIDE, SIDE, 1, 1)
    assert in_whole_numbers(network, SEEN, seed=1) is network


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "resnet50", "vgg16"])
def test_the_other_networks_are_known(name: str) -> None:
    network = build_transfer(PRETRAINED[name], None, 32, 32, 1, 1)
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
