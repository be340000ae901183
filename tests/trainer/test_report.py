"""The report is one file, holds what it promises, and lets no file name become markup."""

import re

import cv2
import numpy as np
import pytest

from trainer.__main__ import main

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    chance = np.random.default_rng(1)
    for name, level in (("ok", 90), (f"bad {HOSTILE.replace('/', '')}", 160)):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(20):
            image = chance.normal(level, 30, (40, 40)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / "data" / name / f"{number}.png"), image)
    options = ["--weights", "none", "--groups", "none", "--size", "32", "--epochs", "1"]
    assert main(["train", str(folder / "data"), "--out", str(folder / "run"), *options]) == 0
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
        "To repeat this run",
    ):
        assert words in page
    assert page.count("<svg") == 7
    assert "random, 80:20" in page
    assert "take the figures as the best case" in page


def test_it_is_light_and_dark_and_fits_a_small_screen(page: str) -> None:
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page


def test_it_has_no_date_of_its_own(page: str) -> None:
    assert "<dc:date>" not in page
