"""Photographs in, a bundle out, the same verdicts on the device: trainer, quantize and edge in a row."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.__main__ import main as edge
from edge.bundle import read_bundle
from quantize.__main__ import main as quantize
from trainer.__main__ import main as trainer


def draw(folder: Path, *, classes: dict[str, int], count: int) -> Path:
    """Grey discs; each class has a square of its own brightness in the middle."""
    generator = np.random.default_rng(1)
    for name, level in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = generator.normal(120, 8, (64, 64))
            x, y = generator.integers(20, 30, 2)
            image[y : y + 16, x : x + 16] = level
            cv2.imwrite(str(folder / name / f"{number:03}.png"), image.clip(0, 255).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/, run/ and part.tflite."""
    folder = tmp_path_factory.mktemp("chain")
    draw(folder / "data", classes={"Good": 120, "scratched": 250}, count=60)
    (folder / "data" / "Good" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    options = ["--size", "48", "--epochs", "12", "--batch-size", "8"]
    assert trainer(["train", str(folder / "data"), "--out", str(folder / "run"), *options]) == 0
    assert quantize([str(folder / "run"), "--out", str(folder / "part.tflite"), "--allow-flips", "3"]) == 0
    return folder


def test_a_run_holds_all_that_was_promised(chain: Path) -> None:
    names = {path.name for path in (chain / "run").iterdir()}
    assert names == {"model.keras", "run.json", "history.csv", "loss.png", "accuracy.png", "confusion.png"}
    run = json.loads((chain / "run" / "run.json").read_text())
    assert (run["task"], run["classes"], run["ok_class"]) == ("binary", ["Good", "scratched"], "Good")
    assert run["input"]["channels"] == 1
    assert list(run["left_out"]) == ["Good/broken.png"]
    assert len(run["train"]) == 96
    assert len(run["validation"]) == 24


def test_the_bundle_takes_raw_pixels_and_says_what_was_measured(chain: Path) -> None:
    from edge.model import load_model

    model = load_model(chain / "part.tflite")
    assert model.golden_identical
    scale, zero_point = model.input_quantization
    assert scale * 127.5 == pytest.approx(1, abs=1e-3)
    assert zero_point == 128
    assert model.bundle.manifest.results.int8.images == 24


def test_quantizing_twice_gives_the_same_bytes(chain: Path) -> None:
    again = chain / "again.tflite"
    assert quantize([str(chain / "run"), "--out", str(again), "--allow-flips", "3"]) == 0
    assert again.read_bytes() == (chain / "part.tflite").read_bytes()


def test_evaluate_and_replay_use_the_same_names(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trainer(["evaluate", str(chain / "run"), str(chain / "data"), "--json"]) == 0
    evaluated = json.loads(capsys.readouterr().out)
    assert edge(["--replay", str(chain / "data"), "--model", str(chain / "part.tflite"), "--json"]) == 0
    labelled = json.loads(capsys.readouterr().out)["labelled"]
    assert set(labelled) <= set(evaluated)
    assert labelled["images"] == evaluated["images"] == 120
    assert abs(labelled["correct"] - evaluated["correct"]) <= 5


def test_inspect_prints_the_manifest(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert quantize(["inspect", str(chain / "part.tflite"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == read_bundle(chain / "part.tflite").model_id
    assert quantize(["inspect", str(chain / "part.tflite")]) == 0
    assert "scratched" in capsys.readouterr().out


def test_a_gate_that_is_not_met_writes_nothing(
    chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from quantize import quantize as module

    monkeypatch.setattr(module, "MAX_FLIP_SHARE", -1.0)
    assert quantize([str(chain / "run"), "--out", str(tmp_path / "no.tflite")]) == 1
    assert "refused, nothing written" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.tflite"))


def test_several_classes_without_an_ok_class_go_through(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", classes={"crazing": 20, "patches": 120, "scratches": 250}, count=12)
    options = ["--size", "32", "--epochs", "1", "--model", "baseline"]
    assert trainer(["train", str(data), "--out", str(tmp_path / "run"), *options]) == 0
    assert quantize([str(tmp_path / "run"), "--out", str(tmp_path / "n.tflite"), "--allow-flips", "9"]) == 0
    manifest = read_bundle(tmp_path / "n.tflite").manifest
    assert (manifest.task, manifest.ok_class, len(manifest.classes)) == ("classes", None, 3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ({}, "no such folder"),
        ({"ok": 9}, "holds 1 class folders"),
        ({"ok": 9, "bad": 0}, "bad: holds no images"),
        ({"ok": 9, "bad": 2}, "class bad has 2 usable images"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_refused_in_one_line(
    tmp_path: Path, make: dict[str, int], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, count in make.items():
        draw(tmp_path / "data", classes={name: 100}, count=count)
    assert trainer(["train", str(tmp_path / "data"), "--out", str(tmp_path / "run")]) == 2
    complaint = [line for line in capfd.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(complaint) == 1
    assert said in complaint[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "no finished run"),
        (["inspect", "absent.tflite"], "no such bundle"),
        ([], "required"),
        (["absent", "--samples", "many"], "whole number"),
    ],
)
def test_quantize_refuses_wrong_use_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert quantize(arguments) == 2
    complaint = capsys.readouterr().err.strip()
    assert said in complaint
    assert "\n" not in complaint
