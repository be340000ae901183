"""The pictures of a page."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.html_page import folded, paragraph, section, table
from edge.core.metrics import Metrics
from trainer.plots import plot_confusion
from trainer.report import charts
from trainer.report.page import drawing, heated, photograph


def pictures(figure: str) -> list[NDArray[np.uint8]]:
    """The pictures inside a figure, in BGR."""
    found = re.findall(r"base64,([^\"]*)", figure)
    decoded = [
        cv2.imdecode(np.frombuffer(base64.b64decode(one), np.uint8), cv2.IMREAD_COLOR) for one in found
    ]
    return [np.asarray(image, np.uint8) for image in decoded]


def test_a_mask_is_outlined_on_its_photograph(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "part.png"), np.full((160, 160), 90, np.uint8))
    mask = np.zeros((160, 160), np.uint8)
    mask[40:80, 40:80] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    (plain,) = pictures(photograph(tmp_path / "part.png", "a part"))
    (outlined,) = pictures(photograph(tmp_path / "part.png", "a part", mask=tmp_path / "mask.png"))
    changed = np.abs(outlined.astype(int) - plain).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 79, 40, 79)
    assert not changed[50:70, 50:70].any()


def test_heat_colours_the_places_that_have_it() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[2, 3] = 1
    image = heated(np.full((8, 8, 1), 100, np.uint8), heat)
    assert image.shape == (8, 8, 3)
    assert image[2, 3, 0] > image[2, 3, 2] + 50
    assert image[0, 0].tolist() == [100, 100, 100]


def test_a_photograph_that_is_gone_leaves_no_figure(tmp_path: Path) -> None:
    assert photograph(tmp_path / "gone.png", "gone") == ""


HOSTILE = ("$4 {and $5", "$$", r"$\frac{1}$ \$", "<script>\x1b[2J\x00&", "ok\nbad")


def test_a_class_of_any_name_is_drawn_as_it_is_written(tmp_path: Path) -> None:
    confusion = {name: dict.fromkeys(HOSTILE, 1) for name in HOSTILE}
    metrics = cast("Metrics", SimpleNamespace(confusion=confusion, correct=5, images=25))
    svg = drawing(charts.confusion(metrics))
    assert "$4 {and $5" in svg
    assert "<script" not in svg
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", svg)
    plot_confusion(metrics, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").stat().st_size > 0


def test_names_on_a_page_are_text() -> None:
    for name in HOSTILE:
        page = section(name, paragraph(name), table([name], [[name]]), folded(name, ""))
        assert "<script" not in page
        assert "\x1b" not in page
