"""Where the marks of a chart go, for the templates: they draw SVG. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.page.hour import Hour, Step

WIDTH, HEIGHT = 600, 180
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 22


@dataclass(frozen=True)
class Mark:
    """A point of the chart with what it stands for."""

    x: float
    y: float
    step: Step


@dataclass(frozen=True)
class Tick:
    """A line with its number."""

    at: float
    value: float


@dataclass(frozen=True)
class RateChart:
    """The reject rate over the hour. Lines and areas are lists of points as SVG has them."""

    marks: tuple[Mark, ...]
    line: str
    limits: str
    usual: float
    rates: tuple[Tick, ...]
    times: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def rate_chart(hour: Hour) -> RateChart | None:
    """The chart, or None where there is nothing to show."""
    if not hour.steps or hour.rate is None or hour.end <= hour.start:
        return None
    top = _ceiling(max(max(step.high, step.rate) for step in hour.steps))

    def x(moment: float) -> float:
        return round(LEFT + (moment - hour.start) / (hour.end - hour.start) * (WIDTH - LEFT - RIGHT), 1)

    def y(rate: float) -> float:
        return round(HEIGHT - BOTTOM - rate / top * (HEIGHT - TOP - BOTTOM), 1)

    marks = tuple(Mark(x((step.start + step.end) / 2), y(step.rate), step) for step in hour.steps)
    edges = [(x(step.start), x(step.end), y(step.high), y(step.low)) for step in hour.steps]
    above = [point for left, right, high, _ in edges for point in ((left, high), (right, high))]
    below = [point for left, right, _, low in edges for point in ((left, low), (right, low))]
    return RateChart(
        marks=marks,
        line=_points([(mark.x, mark.y) for mark in marks]),
        limits=_points([*above, *reversed(below)]),
        usual=y(hour.rate),
        rates=tuple(Tick(y(top * share), top * share) for share in (0.0, 0.5, 1.0)),
        times=tuple(Tick(x(at), at) for at in _between(hour.start, hour.end)),
    )


def _between(start: float, end: float) -> tuple[float, ...]:
    return tuple(start + (end - start) * share / 3 for share in range(4))


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _ceiling(rate: float) -> float:
    """A round number above."""
    for top in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        if rate <= top:
            return top
    return 1.0
