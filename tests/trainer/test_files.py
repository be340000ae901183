"""Every command of the trainer says what became of the files that it was given."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.core.photographs.layouts import read_layout
from edge.core.photographs.listing import FURTHER_PAGES, MASKS
from tests.edge.core.photographs.drawings import masks, numbered, photographs
from trainer.__main__ import main
from trainer.dataset import load_test_set, load_training_set
from trainer.files import count_files
from trainer.input_size import Size


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Six photographs a class, a mask for each, a page too many, a torn file and three that aren't read."""
    for label in ("ok", "dent"):
        photographs(tmp_path / "data" / label, *numbered(".png", 6))
        masks(tmp_path / "data" / label, *numbered("_GT.png", 6))
    cv2.imwritemulti(
        str(tmp_path / "data" / "ok" / "pages.tif"),
        [np.random.default_rng(1).integers(0, 255, (32, 32), np.uint8)] * 2,
    )
    torn = tmp_path / "data" / "dent" / "torn.png"
    torn.write_bytes((tmp_path / "data" / "ok" / "000.png").read_bytes()[:90])
    for name in ("1.HEIC", "2.heic", "3.gif"):
        (tmp_path / "data" / "ok" / name).write_bytes(b"x")
    return tmp_path / "data"


REASONS = {
    MASKS: 12,
    ".heic files are not read": 2,
    ".gif files are not read": 1,
    FURTHER_PAGES: 1,
    "the image is truncated": 1,
}


def test_an_audit_counts_in_words_in_json_and_in_its_page(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "audit.html"
    assert main(["audit", str(data), "--json", "--report", str(page)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["files"]["reasons"] == REASONS
    assert (found["files"]["seen"], found["files"]["used"]) == (30, 13)
    assert any("of 30 files 17 left out: masks" in finding for finding in found["findings"])
    assert "30 files seen, 13 used, 17 left out: masks, not photographs (12)" in page.read_text()
    assert main(["audit", str(data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("13 images of 30 files, laid out as 2 class folders")
    assert lines[-1].startswith("30 files seen, 13 used, 17 left out")


def test_what_is_learned_from_and_what_is_tested_on_are_counted(data: Path) -> None:
    photographs(data / "train" / "ok", *numbered(".png", 6))
    (data / "ok").rename(data / "test")
    (data / "test").rename(data / "train" / "good")
    (data / "dent").rename(data / "train" / "dent")
    photographs(data / "test" / "dent", *numbered(".png", 2))
    photographs(data, "stray.png")
    layout = read_layout(data)
    learned = load_training_set(
        layout, task="auto", ok_class="ok", size=Size(32, 32), groups="none", threads=2
    )
    tested = load_test_set(layout, learned, spec=learned.spec)
    reasons = {**REASONS, "photographs in no class folder": 1}
    assert count_files(layout, learned, tested).reasons == reasons
    assert count_files(layout, learned).reasons == {**reasons, "photographs kept for testing": 2}
    alone = count_files(layout, tested)
    assert alone.used == 2
    assert alone.reasons["photographs kept for training"] == 20
    assert alone.seen == count_files(layout, learned, tested).seen - 1  # the page of a file that was not read


@pytest.mark.parametrize(("out", "test"), [("data/runs/1", None), ("data", None), ("other/run", "other")])
def test_a_run_is_not_written_among_photographs(
    data: Path, tmp_path: Path, out: str, test: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs(tmp_path / "other" / "ok", "1.png")
    words = [] if test is None else ["--test", str(tmp_path / test)]
    assert main(["train", str(data), "--out", str(tmp_path / out), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "among the photographs" in line
    assert not (tmp_path / out / "run.json").exists()
