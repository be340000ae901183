"""The report is one file, holds what it promises, and lets no file name become markup."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.__main__ import main

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """washers/train/, washers/test/ and run/, with costs."""
    folder = tmp_path_factory.mktemp("report")
    chance = np.random.default_rng(1)
    for name, level in (("ok", 90), (f"bad {HOSTILE.replace('/', '')}", 160)):
        for part, count in (("train", 20), ("test", 2)):
            (folder / "washers" / part / name).mkdir(parents=True)
            for number in range(count):
                image = chance.normal(level, 30, (40, 40)).clip(0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / "washers" / part / name / f"{number}.png"), image)
    options = ["--weights", "none", "--groups", "none", "--size", "32", "--epochs", "1"]
    costs = ["--escape-cost", "100", "--overkill-cost", "1", "--defect-rate", "1%"]
    data = [str(folder / "washers" / "train"), "--test", str(folder / "washers" / "test")]
    assert main(["train", *data, "--out", str(folder / "run"), *options, *costs]) == 0
    return folder


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "run" / "report.html").read_text("utf-8")


def test_it_needs_nothing_from_elsewhere(page: str) -> None:
    links = re.findall(r'(?:src|href)="([^"]*)"', page.replace("xlink:href", "href"))
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "<script" not in page


def test_names_are_text_and_never_markup(page: str) -> None:
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_it_shows_classes_figures_curves_and_the_recipe(page: str) -> None:
    for words in (
        "What it learned from",
        "Scores and thresholds",
        "Learning",
        "Mistakes",
        "The network",
        "calibration",
        "On the line",
        "cost if all parts pass",
        "Shortcuts",
        "To repeat this run",
    ):
        assert words in page
    assert page.count("<svg") == 10
    assert "random, 80:20" in page
    assert "take the figures as the best case" in page


def test_what_was_kept_apart_is_shown_as_well(page: str) -> None:
    assert "Mistakes on the test images" in page


def test_its_title_names_the_set_of_a_folder_that_only_says_train(page: str) -> None:
    assert "<h1>washers/train</h1>" in page


def test_it_is_light_and_dark_and_fits_a_small_screen(page: str) -> None:
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page


def test_it_has_no_date_of_its_own(page: str) -> None:
    assert "<dc:date>" not in page


def test_a_run_on_other_photographs_has_a_page_as_well(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Laid out as MVTec AD has them, with a mask."""
    chance = np.random.default_rng(2)
    for name, level in (("good", 90), ("scratch", 160)):
        (tmp_path / "parts" / "train" / name).mkdir(parents=True)
        (tmp_path / "parts" / "test" / name).mkdir(parents=True)
        image = chance.normal(level, 30, (40, 40)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "parts" / "test" / name / "0.png"), image)
    (tmp_path / "parts" / "ground_truth" / "scratch").mkdir(parents=True)
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 255
    cv2.imwrite(str(tmp_path / "parts" / "ground_truth" / "scratch" / "0_mask.png"), mask)
    page = tmp_path / "page.html"
    command = ["evaluate", str(folder / "run"), str(tmp_path / "parts"), "--groups", "none", "--json"]
    assert main([*command, "--report", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == found["parts"] == 2
    assert found["line"]["costs"] == {"escape": 100, "overkill": 1, "defect_rate": 0.01}
    assert set(found["measured"]) >= {"accuracy", "balanced_accuracy", "auroc", "escape_rate", "loss"}
    assert "scratch/0.png" in page.read_text("utf-8")


def test_an_audit_names_the_labels_that_a_run_doubts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads((folder / "run" / "run.json").read_text("utf-8"))
    doubt = {"file": "ok/3.png", "label": "ok", "rather": "bad"}
    record["suspects"] = [{**doubt, "label_probability": 0.1, "rather_probability": 0.9}]
    (tmp_path / "run.json").write_text(json.dumps(record), "utf-8")
    command = ["audit", str(folder / "washers" / "train"), "--run", str(tmp_path)]
    assert main([*command, "--report", str(tmp_path / "page.html")]) == 0
    line = "ok/3.png: labelled ok (0.10), rather bad (0.90)"
    assert line in capsys.readouterr().out
    assert line in (tmp_path / "page.html").read_text("utf-8")


def test_a_run_that_learned_from_other_photographs_doubts_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("x", "y"):
        (tmp_path / "ok").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "ok" / f"{name}.png"), np.zeros((40, 40), np.uint8))
    assert main(["audit", str(tmp_path), "--run", str(folder / "run")]) == 2
    assert "knows none of these photographs" in capsys.readouterr().err
