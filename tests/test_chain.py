"""Photographs in, a bundle out, the same verdicts on the device: trainer, quantize and edge in a row."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.__main__ import main as edge
from edge.core.bundle.bundle import read_bundle
from edge.core.model_spec import Heatmap
from quantize.__main__ import main as quantize
from trainer.__main__ import main as trainer

# Squares on noise are no photographs: what looks like a copy there is chance.
LOOSE = ["--allow-flips", "9", "--allow-escapes", "9"]  # a network of few epochs
FROM_SCRATCH = ["--weights", "none", "--groups", "none"]


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
    options = ["--size", "48", "--epochs", "12", "--batch-size", "8", *FROM_SCRATCH]
    assert trainer(["train", str(folder / "data"), "--out", str(folder / "run"), *options]) == 0
    assert quantize([str(folder / "run"), "--out", str(folder / "part.tflite"), *LOOSE]) == 0
    return folder


def test_a_run_holds_all_that_was_promised(chain: Path) -> None:
    names = {path.name for path in (chain / "run").iterdir()}
    pictures = {"loss.png", "accuracy.png", "confusion.png"}
    assert names == {"model.keras", "run.json", "history.csv", "report.html", *pictures}
    run = json.loads((chain / "run" / "run.json").read_text())
    assert (run["task"], run["classes"], run["ok_class"]) == ("binary", ["Good", "scratched"], "Good")
    assert run["input"]["channels"] == 1
    assert list(run["left_out"]) == ["Good/broken.png"]
    assert len(run["train"]) == 96
    assert len(run["held_out"]) == 24


def test_the_bundle_takes_raw_pixels_and_says_what_was_measured(chain: Path) -> None:
    from edge.core.runtime import load_model

    model = load_model(chain / "part.tflite")
    assert model.golden_identical
    scale, zero_point = model.input_quantization
    assert scale * 128 == pytest.approx(1, abs=1e-3)
    assert zero_point == 128
    assert model.bundle.manifest.results is not None
    assert model.bundle.manifest.results.int8.images == 24
    rederived = model.bundle.manifest.results.rederived
    assert rederived is not None
    assert rederived.float32[1] == pytest.approx(
        rederived.run.defect_from
    )  # of the same scores, by the same rule
    assert model.bundle.manifest.ok_scores is not None
    assert model.bundle.manifest.ok_scores.count == 12
    assert model.bundle.manifest.ok_scores.parts == 12


def test_a_successor_is_compared_with_what_it_replaces_or_refused(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test, out = (
        draw(tmp_path / "test", classes={"Good": 120, "scratched": 250}, count=8),
        tmp_path / "new.tflite",
    )
    words = [str(chain / "run"), "--out", str(out), *LOOSE, "--against", str(chain / "part.tflite")]
    assert quantize([*words, "--on", str(test)]) == 1
    said = capsys.readouterr()
    assert "on 16 parts: " in said.out
    assert "of 8 defective parts it lets 0 pass that the old bundle rejects, and 0 the other way" in said.err
    assert not out.exists()
    assert quantize([*words, "--on", str(test), "--max-escape-rise", "0.5", "--json"]) == 0
    parent = json.loads(capsys.readouterr().out)["against"]
    old = read_bundle(chain / "part.tflite")
    assert (parent["bundle_sha256"], parent["parts"], parent["defective_parts"]) == (old.sha256, 16, 8)
    assert read_bundle(out).manifest.training["parent"] == parent
    for flags in (["--against", str(out)], ["--on", str(test)], ["--max-escape-rise", "0.1"]):
        assert quantize([str(chain / "run"), *flags]) == 2
        assert "--" in capsys.readouterr().err


def pretrained_weights(file: Path) -> Path:
    """A file like those of keras.applications; what it holds was never trained, but is not flat either."""
    import keras

    keras.utils.set_random_seed(3)
    network = keras.applications.MobileNet(
        input_shape=(64, 64, 3), alpha=0.25, include_top=False, weights=None
    )
    normalizations = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in normalizations:  # what is usual becomes what it sees now
        layer.momentum = 0.0
    network(np.random.default_rng(3).uniform(-1, 1, (16, 64, 64, 3)).astype(np.float32), training=True)
    network.save(file)
    return file


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrained_weights(tmp_path_factory.mktemp("weights") / "mobilenet.h5")


def test_a_head_on_given_features_decides_on_int8_as_on_float(
    chain: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--weights", str(weights), "--size", "64", "--groups", "none", "--folds", "3", "--json"]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options]) == 0
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["training"]["weights"] == "mobilenet.h5"
    assert "held out" in run["thresholds"]["chosen"]
    assert [fold["images"] for fold in run["results"]["folds"]] == [40, 40, 40]
    assert min(fold["auroc"] for fold in run["results"]["folds"]) > 0.95
    assert min(fold["accuracy"] for fold in run["results"]["folds"]) > 0.85
    capsys.readouterr()
    assert quantize([str(tmp_path / "run"), "--out", str(tmp_path / "p.tflite"), "--json"]) == 0
    quantized = json.loads(capsys.readouterr().out)
    assert quantized["flips"] == []
    assert quantized["largest_score_shift"] < 0.02  # a step of the logit
    assert quantized["mean_score_shift"] < 0.001
    assert quantized["operators"]["not_int8"] == {}
    assert read_bundle(tmp_path / "p.tflite").manifest.heatmap == Heatmap(height=3, width=3)


def test_a_heatmap_changes_no_answer_and_shows_the_scratch(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from edge.core.runtime import load_model

    without = tmp_path / "without.tflite"
    assert quantize([str(chain / "run"), "--out", str(without), "--no-heatmap", *LOOSE]) == 0
    plain, shown = (load_model(file) for file in (without, chain / "part.tflite"))
    assert plain.bundle.manifest.heatmap is None
    assert plain.bundle.manifest.results == shown.bundle.manifest.results
    assert plain.bundle.manifest.golden == shown.bundle.manifest.golden
    assert quantize(["inspect", str(chain / "part.tflite")]) == 0
    assert "a heatmap of 3x3" in capsys.readouterr().out
    middle: dict[str, list[float]] = {"Good": [], "scratched": []}
    for example, pixels in zip(shown.bundle.manifest.golden, shown.bundle.golden_inputs, strict=True):
        heatmap = shown.predict(pixels).heatmap
        assert heatmap is not None
        middle[example.label].append(float(heatmap[1, 1]))  # of 3 x 3
    assert min(middle["scratched"]) > max(middle["Good"])


def test_the_same_seed_gives_the_same_decisions(chain: Path, weights: Path, tmp_path: Path) -> None:
    options = ["--weights", str(weights), "--size", "32", "--groups", "none"]
    results = []
    for name in ("first", "again"):
        assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / name), *options]) == 0
        run = json.loads((tmp_path / name / "run.json").read_text())
        results.append((run["thresholds"], run["results"], run["held_out"]))
    assert results[0] == results[1]


def test_without_weights_it_learns_from_scratch_and_says_so(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--size", "32", "--epochs", "1", *FROM_SCRATCH]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options]) == 0
    assert "no pretrained weights: learning from scratch" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(600)])
def test_a_file_that_holds_no_weights_is_refused_in_one_line(
    chain: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "w.h5").write_bytes(content)
    options = ["--weights", str(tmp_path / "w.h5"), "--groups", "none"]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options]) == 2
    assert "not an .h5 file of Keras weights" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_weights_of_another_network_are_refused_by_layer(
    chain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    other = keras.applications.MobileNet(input_shape=(32, 32, 3), alpha=0.5, include_top=False, weights=None)
    other.save(tmp_path / "half.h5")
    options = ["--weights", str(tmp_path / "half.h5"), "--groups", "none", "--size", "32"]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options]) == 2
    assert "layer conv1 has" in capsys.readouterr().err


def test_costs_give_two_thresholds_and_stand_in_the_run(chain: Path, weights: Path, tmp_path: Path) -> None:
    options = ["--weights", str(weights), "--size", "32", "--groups", "none"]
    costs = ["--escape-cost", "200", "--overkill-cost", "2", "--defect-rate", "0.5%"]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options, *costs]) == 0
    thresholds = json.loads((tmp_path / "run" / "run.json").read_text())["thresholds"]
    assert 0 < thresholds["ok_below"] <= thresholds["defect_from"] < 1
    assert "escape 200, overkill 2, defect rate 0.005" in thresholds["chosen"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--escape-cost", "5"], "name all three"),
        (["--escape-cost", "-5"], "a positive number"),
        (["--defect-rate", "120%"], "between 0% and 100%"),
        (["--max-escape-rate", "0.1%"], "cannot be proved"),
    ],
)
def test_an_operating_point_that_cannot_be_had_is_refused_in_one_line(
    chain: Path,
    weights: Path,
    tmp_path: Path,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fixed = ["--weights", str(weights), "--size", "32", "--groups", "none", *options]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *fixed]) == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(complaint) == 1
    assert said in complaint[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("absent.csv", "absent.csv: cannot be read (No such file"),
        ("[", "expected copies, none, a .csv file or a regular expression"),
        ("xyz(.)", "names no group for Good/000.png"),
        ("(Good|scratched)", "all its images are of one part"),
    ],
)
def test_groups_that_do_not_fit_are_refused_in_one_line(
    chain: Path, tmp_path: Path, groups: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--weights", "none", "--groups", groups]
    assert trainer(["train", str(chain / "data"), "--out", str(tmp_path / "run"), *options]) == 2
    complaint = [line for line in capsys.readouterr().err.splitlines() if line.startswith("trainer:")]
    assert len(complaint) == 1
    assert said in complaint[0]


def test_quantizing_twice_gives_the_same_bytes(chain: Path) -> None:
    again = chain / "again.tflite"
    assert quantize([str(chain / "run"), "--out", str(again), *LOOSE]) == 0
    assert again.read_bytes() == (chain / "part.tflite").read_bytes()


def test_a_bundle_that_would_be_too_large_has_fewer_golden_examples_but_two(
    chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quantize import quantize as module

    monkeypatch.setattr(module, "size_limit", lambda _: 1)
    assert quantize([str(chain / "run"), "--out", str(tmp_path / "small.tflite"), *LOOSE]) == 0
    bundle = read_bundle(tmp_path / "small.tflite")
    assert len(bundle.manifest.golden) == 2
    assert len(np.unique(bundle.golden_inputs)) <= 16  # and their pictures have fewer levels
    assert len(read_bundle(chain / "part.tflite").manifest.golden) == 4


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
    assert document["model"] == read_bundle(chain / "part.tflite").sha256
    assert quantize(["inspect", str(chain / "part.tflite")]) == 0
    assert "scratched" in capsys.readouterr().out


def test_a_gate_that_is_not_met_writes_nothing(
    chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from quantize import quantize as module

    monkeypatch.setattr(module, "refuse", lambda *_: "int8 changes 9 decisions")
    assert quantize([str(chain / "run"), "--out", str(tmp_path / "no.tflite")]) == 1
    assert "refused, nothing written: int8 changes 9 decisions" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.tflite"))


def test_several_classes_without_an_ok_class_go_through(tmp_path: Path) -> None:
    data = draw(tmp_path / "data", classes={"crazing": 20, "patches": 120, "scratches": 250}, count=12)
    options = ["--size", "32", "--epochs", "1", "--model", "baseline", "--groups", "none"]
    assert trainer(["train", str(data), "--out", str(tmp_path / "run"), *options]) == 0
    assert quantize([str(tmp_path / "run"), "--out", str(tmp_path / "n.tflite"), *LOOSE]) == 0
    manifest = read_bundle(tmp_path / "n.tflite").manifest
    assert (manifest.task, manifest.ok_class, len(manifest.classes)) == ("classes", None, 3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ({}, "no such folder"),
        ({"scratched": 9}, "holds 1 class "),
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
