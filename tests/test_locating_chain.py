"""Located parts from photographs to verdicts: training, int8 and the device see the same bytes."""

import json
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.images import read_image
from edge.core.photographs.layouts import read_layout
from edge.core.preprocess import preprocess
from edge.core.runtime import load_model
from edge.inspection.inspector import Inspector
from quantize.__main__ import main as quantize
from quantize.run import load_pixels, read_run
from tests.test_chain import pretrained_weights
from trainer.__main__ import main as trainer
from trainer.dataset import load_test_set

SIDE = 200
# One epoch learns nothing: what is tested is what the model sees.
LOOSE = ["--allow-flips", "60", "--allow-escapes", "60"]
CLASSES = {"ok": 0, "defect": 9}


def photograph(generator: np.random.Generator, spot: int) -> NDArray[np.uint8]:
    """A small disc somewhere in a large frame, with or without a dark spot of ``spot`` pixels."""
    x, y = (int(value) for value in generator.integers(45, SIDE - 45, 2))
    image = generator.normal(90, 2, (SIDE, SIDE)).astype(np.float32)
    cv2.circle(image, (x, y), 30, 200, -1, cv2.LINE_AA)
    angle = generator.uniform(0, 2 * np.pi)
    at = round(x + 18 * np.cos(angle)), round(y + 18 * np.sin(angle))
    if spot:
        cv2.circle(image, at, spot // 2, 60, -1, cv2.LINE_AA)
    return image.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 photographs a class, and an empty belt among the OK ones."""
    folder = tmp_path_factory.mktemp("located") / "data"
    generator = np.random.default_rng(5)
    for name, spot in CLASSES.items():
        (folder / name).mkdir(parents=True)
        for number in range(30):
            cv2.imwrite(str(folder / name / f"{number:02}.png"), photograph(generator, spot))
    cv2.imwrite(str(folder / "ok" / "empty.png"), np.full((SIDE, SIDE), 90, np.uint8))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "mobilenet.h5"
    pretrained_weights(file)
    return file


@pytest.fixture(scope="module", params=["part", "ring"])
def located(request: pytest.FixtureRequest, data: Path) -> Path:
    """A folder with run/ and part.tflite, by each way of locating."""
    folder: Path = data.parent / request.param
    scratch = ["--model", "scratch", "--epochs", "1", "--size", "64", "--groups", "none", "--weights", "none"]
    train = ["train", str(data), "--out", str(folder / "run"), "--locate", request.param, *scratch]
    assert trainer(train) == 0
    assert (
        quantize([str(folder / "run"), "--out", str(folder / "part.tflite"), "--samples", "20", *LOOSE]) == 0
    )
    return folder


def test_the_manifest_says_how_the_part_is_located(located: Path) -> None:
    assert load_model(located / "part.tflite").bundle.manifest.input.locate == located.name


def test_training_quantization_and_the_device_see_the_same_bytes(located: Path, data: Path) -> None:
    run = read_run(located / "run")
    spec = load_model(located / "part.tflite").bundle.manifest.input
    again = load_pixels(run, run.held_out, data)
    trained = load_test_set(read_layout(data), run, spec=run.input)
    by_file = dict(zip((one.file for one in trained.photographs), trained.pixels, strict=True))
    for item, pixels in zip(run.held_out, again, strict=True):
        on_device = preprocess(read_image(data / item.file), spec)
        assert np.array_equal(on_device, pixels)
        assert np.array_equal(on_device, by_file[item.file])


def test_a_photograph_without_a_part_is_left_out_and_named(located: Path) -> None:
    left_out = json.loads((located / "run" / "run.json").read_text())["left_out"]
    assert list(left_out) == ["ok/empty.png"]
    assert "found in the picture" in left_out["ok/empty.png"]


def test_a_frame_without_a_part_is_a_fault(located: Path, data: Path) -> None:
    inspector = Inspector(load_model(located / "part.tflite"))
    frame = Frame(read_image(data / "ok" / "empty.png"), 0, captured=0.0, captured_at=datetime.now(UTC))
    inspection = inspector.inspect(frame)
    assert inspection.verdict == Verdict.FAULT
    assert "found in the picture" in str(inspection.reason)


def test_the_trainer_proposes_to_locate_small_parts_in_large_frames(
    data: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--size", "64", "--groups", "none", "--weights", str(weights)]
    assert trainer(["train", str(data), "--out", str(tmp_path / "run"), *options]) == 0
    assert "locating the part would help" in capsys.readouterr().err
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["input"]["locate"] == "none"
    assert len(run["training"]["locating"]) == 2


def test_a_strip_of_small_pictures_is_refused_in_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", str(data), "--out", str(tmp_path / "run"), "--locate", "ring", "--size", "48"]
    assert trainer(arguments) == 2
    assert "--size 48x48: not for --locate ring; expected a square of 64" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
