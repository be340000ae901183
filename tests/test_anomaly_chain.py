"""OK photographs alone to a bundle that finds what it never saw: MVTec's folders, all three commands."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.__main__ import main as edge
from edge.core.bundle.bundle import read_bundle
from edge.core.images import read_image
from edge.core.preprocess import preprocess
from edge.core.runtime import load_model
from quantize.__main__ import main as quantize
from tests.test_chain import pretrained_weights
from trainer.__main__ import main as trainer


def draw(folder: Path, *, count: int, seed: int, has_hole: bool = False) -> None:
    """A grey disc on a darker ground; with a black hole somewhere in it."""
    chance = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        image = np.full((64, 64), 60, np.uint8)
        cv2.circle(image, (32, 32), 24, 160, -1)
        if has_hole:
            x, y = chance.integers(24, 40, 2)
            cv2.circle(image, (int(x), int(y)), 9, 10, -1)
        noisy = image + chance.normal(0, 4, image.shape)
        cv2.imwrite(str(folder / f"{number:03}.png"), noisy.clip(0, 255).astype(np.uint8))


def hottest_place(bundle: Path, photograph: Path) -> tuple[float, float]:
    """(y, x) in pixels of 64, by the bundle's heatmap."""
    model = load_model(bundle)
    heatmap = model.predict(preprocess(read_image(photograph), model.bundle.manifest.input)).heatmap
    assert heatmap is not None
    y, x = np.unravel_index(heatmap.argmax(), heatmap.shape)
    return (y + 0.5) * 64 / heatmap.shape[0], (x + 0.5) * 64 / heatmap.shape[1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anomaly")
    draw(folder / "part" / "train" / "good", count=60, seed=1)
    draw(folder / "part" / "test" / "good", count=10, seed=2)
    draw(folder / "part" / "test" / "hole", count=10, seed=3, has_hole=True)
    pretrained_weights(folder / "mobilenet.h5")
    return folder


@pytest.mark.parametrize("model", ["auto", "autoencoder"])
def test_a_defect_that_training_never_saw_is_found_by_float_and_by_int8(
    data: Path, tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, bundle = tmp_path / "run", tmp_path / "part.tflite"
    options = ["--size", "64", "--groups", "none", "--model", model, "--weights", str(data / "mobilenet.h5")]
    options += ["--epochs", "15", "--batch-size", "8", "--max-overkill-rate", "5%"]  # 1 % of 60 is none
    assert trainer(["train", str(data / "part"), "--out", str(run), *options]) == 0
    record = json.loads((run / "run.json").read_text())
    assert (record["task"], record["classes"]) == ("anomaly", ["good", "defect"])
    assert record["results"]["test"]["auroc"] > 0.9
    loose = ["--allow-flips", "2", "--allow-escapes", "2"]
    assert quantize([str(run), "--out", str(bundle), *loose]) == 0
    assert quantize([str(run), "--out", str(tmp_path / "plain.tflite"), "--no-heatmap", *loose]) == 0
    assert read_bundle(bundle).manifest.golden == read_bundle(tmp_path / "plain.tflite").manifest.golden
    capsys.readouterr()
    assert edge(["--replay", str(data / "part" / "test"), "--model", str(bundle), "--json"]) == 0
    labelled = json.loads(capsys.readouterr().out)["labelled"]
    assert labelled["images"] == 20
    assert labelled["auroc"] > 0.9
    assert labelled["escapes"] <= 3
    if model == "autoencoder":  # the default has weights that were never trained here, and sees far around
        holes = (data / "part" / "test" / "hole").iterdir()
        hottest = np.array([hottest_place(bundle, file) for file in holes])
        assert (np.abs(hottest - 32) < 22).all(axis=1).sum() >= 9  # they are in the middle


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--max-escape-rate", "5%"], "--max-overkill-rate, or --task binary"),
        (["--model", "small"], "expected auto or autoencoder for --task anomaly"),
        (["--task", "binary"], "expected at least 2"),
    ],
)
def test_what_ok_parts_alone_cannot_give_is_refused_in_one_line(
    data: Path, tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(data / "part"), "--out", str(tmp_path / "run"), "--groups", "none", *options]
    assert trainer(words) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
