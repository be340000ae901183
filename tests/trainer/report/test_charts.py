"""Drawings that people can read: numbers on axes are numbers."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from edge.core.decision import Thresholds
from trainer.intervals import Measured
from trainer.learning_curve import LearningCurve, Point
from trainer.report import charts
from trainer.report.charts import Draw

SCORES = np.linspace(0, 1, 300)


def labels(draw: Draw) -> list[str]:
    figure = Figure()
    axes: Any = figure.subplots()
    draw(axes)
    figure.canvas.draw()
    return [tick.get_text() for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_ticklabels()]


CURVE = LearningCurve(
    points=[Point(parts=n, error=Measured(value=0.1, low=0.05, high=0.2)) for n in (30, 60, 90, 120)],
    expected=Point(parts=240, error=Measured(value=0.05, low=0.01, high=0.1)),
    short={},
)


@pytest.mark.parametrize(
    "draw",
    [
        charts.histogram(SCORES, SCORES > 0.9, Thresholds(ok_below=0.5, defect_from=0.5)),
        charts.learning_curve(CURVE),
    ],
    ids=["histogram", "learning curve"],
)
def test_axes_show_plain_numbers(draw: Draw) -> None:
    found = [text for text in labels(draw) if text]
    assert found
    assert not any("$" in text or "{" in text for text in found)


def test_the_learning_curve_names_every_number_of_parts() -> None:
    assert {"30", "60", "90", "120", "240"} <= set(labels(charts.learning_curve(CURVE)))
