"""Stored pictures of 10 and 12 bits in 16 are decided on as those of 8."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.__main__ import main
from edge.core.bundle.bundle import read_bundle
from edge.core.photographs.layouts import read_layout
from edge.core.preprocess import InputSpec
from quantize.__main__ import main as quantize
from trainer.__main__ import main as trainer
from trainer.dataset import load_test_set, load_training_set
from trainer.input_size import Size


@pytest.fixture(params=[(".tif", 4), (".png", 2)])
def deep(parts: Path, request: pytest.FixtureRequest) -> Path:
    """The parts of 8 bits, as a camera of 12 or 10 leaves them in 16."""
    suffix, shift = request.param
    for path in sorted(parts.rglob("*.png")):
        pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        path.unlink()
        cv2.imwrite(str(path.with_suffix(suffix)), pixels.astype(np.uint16) << shift)
    return parts


def test_verdicts_are_those_of_eight_bits_and_a_line_says_what_is_white(
    deep: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--replay", str(deep), "--model", str(bundle), "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["verdicts"] == {"ok": 4, "defect": 3, "unsure": 0, "fault": 0}
    assert "7 pictures of 16 bits don't say how many of them they use" in err
    assert len(document["notes"]) == 1
    assert document["notes"][0] in err


def test_an_audit_says_it_too(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trainer(["audit", str(deep)]) == 0
    assert "! 7 pictures of 16 bits" in capsys.readouterr().out


def test_learning_and_scoring_see_the_pixels_of_eight_bits(parts: Path, tmp_path: Path) -> None:
    for label, number in ((label, number) for label in ("ok", "defect") for number in range(10)):
        shades = np.random.default_rng(number).integers(0, 200 if label == "ok" else 90, (48, 48))
        cv2.imwrite(str(parts / label / f"{number}.png"), shades.astype(np.uint8))
    deep = shutil.copytree(parts, tmp_path / "deep")
    for path in deep.rglob("*.png"):
        pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        cv2.imwrite(str(path), pixels.astype(np.uint16) << 4)
    shallow, learned = (
        load_training_set(
            read_layout(folder), task="binary", ok_class="ok", size=Size(32, 32), groups="none", threads=1
        )
        for folder in (parts, deep)
    )
    assert np.array_equal(shallow.pixels, learned.pixels)
    assert (shallow.spec.bits, learned.spec.bits) == (None, 12)
    assert any("20 pictures of 16 bits" in warning for warning in learned.warnings)
    again = load_test_set(read_layout(deep), shallow, spec=shallow.spec)
    assert again.spec.bits == 12
    assert np.array_equal(np.sort(again.pixels, axis=None), np.sort(shallow.pixels, axis=None))


def test_a_bundle_keeps_what_is_white_and_refuses_what_is_brighter(
    deep: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, bare = tmp_path / "kept.tflite", tmp_path / "bare.tflite"
    bare.write_bytes(read_bundle(bundle).flatbuffer)
    labels = ["--labels", "ok,defect", "--ok", "ok", "--golden", str(deep)]
    assert quantize(["wrap", str(bare), *labels, "--out", str(kept)]) == 0
    bits = read_bundle(kept).manifest.input.bits
    assert bits in (10, 12)
    shades = np.random.default_rng(2).integers(0, 60000, (48, 48)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "brighter.png"), shades)
    capsys.readouterr()
    assert main(["--replay", str(tmp_path / "brighter.png"), "--model", str(kept)]) == 2
    assert f"uses more than {bits} bits, as its set does" in capsys.readouterr().err


def test_a_manifest_without_bits_is_written_as_it_always_was() -> None:
    spec = InputSpec(width=64, height=64, channels=1)
    assert "bits" not in spec.model_dump()
    assert "bits" not in json.loads(spec.model_dump_json())
    kept = spec.model_copy(update={"bits": 12})
    assert InputSpec.model_validate_json(kept.model_dump_json()) == kept
