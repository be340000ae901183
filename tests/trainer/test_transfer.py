"""Networks of keras.applications: they see what their weights were trained on, and go through the chain."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.core.preprocess import to_network_input
from quantize.__main__ import main as quantize
from tests.test_chain import draw
from tests.trainer.makers import make_dataset, spots
from trainer.__main__ import main as trainer
from trainer.fit import FitSettings, Records
from trainer.learners import gradient
from trainer.learners.gradient import TransferLearner
from trainer.models.transfer import PRETRAINED, build_transfer, freeze_all_but_head, freeze_statistics_only
from trainer.weights import Weights

SIDE = 32
PIXELS = np.random.default_rng(1).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)


def weights_of(network: Any) -> Weights:
    return Weights({layer.name: layer.get_weights() for layer in network.layers if layer.weights}, "chance")


def first_convolution(network: Any) -> Any:
    import keras

    kernels = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    return next(layer for layer in kernels if layer.name != "colours")


def see(network: Any, start: Any, images: np.ndarray) -> np.ndarray:
    """The output of the first convolution that learned."""
    import keras

    return np.asarray(keras.Model(start, first_convolution(network).output)(images, training=False))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "resnet50", "vgg16"])
def test_weights_see_what_they_were_trained_on(name: str, channels: int) -> None:
    from keras import applications
    from keras.utils import set_random_seed

    set_random_seed(1)
    own = PRETRAINED[name].make(weights=None, input_shape=(SIDE, SIDE, 3))
    network = build_transfer(PRETRAINED[name], weights_of(own), SIDE, SIDE, channels, 1)
    pixels = PIXELS if channels == 3 else PIXELS[..., :1]
    rgb = np.broadcast_to(pixels, PIXELS.shape).astype(np.float32)
    module = applications.vgg16 if PRETRAINED[name].scaling else applications.mobilenet
    wanted = see(own, own.inputs[0], module.preprocess_input(rgb.copy()))
    found = see(network, network.inputs[0], to_network_input(pixels))
    assert (
        np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()
    )  # half a grey level, and as much for chance


@pytest.mark.parametrize("channels", [1, 3])
def test_efficient_net_sees_what_its_weights_were_trained_on(channels: int) -> None:
    from keras.applications import EfficientNetB0

    own = EfficientNetB0(include_top=False, weights=None, input_shape=(SIDE, SIDE, 3))
    (normalization,) = [layer for layer in own.layers if layer.name.startswith("normalization")]
    mean, variance = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    normalization.set_weights([mean, variance, np.array(0)])
    network = build_transfer(PRETRAINED["efficientnet_b0"], weights_of(own), SIDE, SIDE, channels, 1)
    pixels = PIXELS if channels == 3 else PIXELS[..., :1]
    scaled = (np.broadcast_to(pixels, PIXELS.shape) / 255 - mean) / variance  # twice the root of it
    wanted = see(own, own.get_layer("stem_conv_pad").input, scaled.astype(np.float32))
    assert np.allclose(see(network, network.inputs[0], to_network_input(pixels)), wanted, atol=1e-4)
    assert not [layer for layer in network.layers if type(layer).__name__ in ("Rescaling", "Normalization")]


def test_first_the_head_learns_alone_then_all_but_what_was_measured() -> None:
    network = build_transfer(PRETRAINED["mobilenet_v1"], None, SIDE, SIDE, 1, 3)
    freeze_all_but_head(network)
    assert [variable.shape for variable in network.trainable_variables] == [(256, 3), (3,)]
    freeze_statistics_only(network)
    names = {variable.path.split("/")[-1] for variable in network.trainable_variables}
    assert names == {"kernel", "bias"}
    assert len(network.trainable_variables) == 29


def test_fine_tuning_keeps_the_statistics_and_improves_on_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr(gradient, "in_whole_numbers", lambda network, *_, **__: network)  # it would fold them
    keras.utils.set_random_seed(3)
    own = PRETRAINED["mobilenet_v1"].make(weights=None, input_shape=(SIDE, SIDE, 3))
    weights = weights_of(own)
    dataset = make_dataset(*spots(96))
    settings = FitSettings(epochs=4, batch_size=16)
    learner = TransferLearner(dataset, PRETRAINED["mobilenet_v1"], weights, settings, Records(tmp_path))
    learned = learner.learn(np.arange(64), np.arange(64, 96))
    before, after = weights.arrays["conv1_bn"], learned.network.get_layer("conv1_bn").get_weights()
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert learned.method["learned_by"] == "fine-tuning"
    assert learned.method["epochs_run"] == len(learned.history["loss"]) == 3 + 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("transfer") / "data", classes={"ok": 120, "spot": 250}, count=16)


HEAVY = ("mobilenet_v2", "efficientnet_b0", "resnet50")
WITHOUT_STEPS = ("efficientnet_b0", "mobilenet_v3")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in HEAVY else []) for name in PRETRAINED]
)
def test_every_network_trains_evaluates_and_becomes_int8(name: str, data: Path, tmp_path: Path) -> None:
    options = ["--size", "32", "--epochs", "1", "--batch-size", "8", "--weights", "none", "--groups", "none"]
    run = tmp_path / "run"
    assert trainer(["train", str(data), "--out", str(run), "--model", name, *options]) == 0
    document = json.loads((run / "run.json").read_text())
    assert document["model_name"] == name
    assert "no pretrained weights" in document["warnings"][0]
    assert trainer(["evaluate", str(run), str(data)]) == 0
    bundle = tmp_path / "part.tflite"
    # One epoch learns nothing, so all scores lie at the threshold; int8 says the same even so.
    allowed = ["--allow-flips", "99", "--allow-escapes", "99"] if name in WITHOUT_STEPS else []
    assert quantize([str(run), "--out", str(bundle), "--samples", "10", *allowed]) == 0
    assert bundle.stat().st_size > 200_000


def test_weights_of_another_network_are_refused_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    PRETRAINED["mobilenet_v1"].make(weights=None, input_shape=(SIDE, SIDE, 3)).save(tmp_path / "other.h5")
    options = ["--weights", str(tmp_path / "other.h5"), "--groups", "none", "--size", "32"]
    arguments = ["train", str(data), "--out", str(tmp_path / "run"), "--model", "vgg16", *options]
    assert trainer(arguments) == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(complaint) == 1
    assert "layer block1_conv1 has nothing" in complaint[0]
    assert "expected weights of vgg16 from keras.applications" in complaint[0]
    assert not (tmp_path / "run").exists()
