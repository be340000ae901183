"""The last hour in figures."""

import pytest

from edge.page.chart import HEIGHT, rate_chart
from edge.page.hour import HOUR_S, STEPS, hour_of
from edge.records.history import Glance

NOW = 1_000_000.0


def glance(age_s: float, verdict: str = "ok", latency_ms: float | None = 2.0) -> Glance:
    return Glance(NOW - age_s, verdict, "pass" if verdict == "ok" else "reject", latency_ms)


def usual(rejects_of_ten: int = 1) -> list[Glance]:
    """A part a second for an hour."""
    return [
        glance(3599.0 - number, "defect" if number % 10 < rejects_of_ten else "ok") for number in range(3600)
    ]


def test_only_the_last_hour_counts() -> None:
    hour = hour_of([glance(HOUR_S + 1, "defect"), glance(10), glance(5, "unsure"), glance(-1)], NOW)
    assert (hour.parts, hour.rejected, hour.verdicts) == (2, 1, {"ok": 1, "unsure": 1})
    assert hour.rate == 0.5


def test_latencies_are_those_that_were_measured() -> None:
    hour = hour_of([glance(9 - n, latency_ms=float(n)) for n in range(9)] + [glance(0, "fault", None)], NOW)
    assert hour.latency_ms == pytest.approx({"p50": 4.0, "p95": 7.6, "p99": 7.92})


def test_nothing_at_all_is_an_hour_without_a_rate() -> None:
    hour = hour_of([], NOW)
    assert (hour.parts, hour.rate, hour.latency_ms, hour.steps) == (0, None, None, ())
    assert rate_chart(hour) is None


def test_a_rate_that_is_what_it_was_is_within_its_limits() -> None:
    hour = hour_of(usual(), NOW)
    assert len(hour.steps) == STEPS
    assert not any(step.is_out for step in hour.steps)
    assert all(step.low < 0.1 < step.high for step in hour.steps)


def test_minutes_with_many_more_rejects_are_out_of_them() -> None:
    worse = [*usual()[:3300], *(glance(299.0 - n, "defect" if n % 3 == 0 else "ok") for n in range(300))]
    hour = hour_of(worse, NOW)
    assert [step.is_out for step in hour.steps] == [False] * (STEPS - 1) + [True]


def test_a_line_that_began_a_moment_ago_fills_the_chart() -> None:
    hour = hour_of([glance(120 - n / 2) for n in range(240)], NOW)
    assert hour.start == NOW - 120
    assert len(hour.steps) == STEPS


def test_the_chart_keeps_within_its_frame_and_shows_each_step() -> None:
    chart = rate_chart(hour_of(usual(2), NOW))
    assert chart is not None
    assert len(chart.marks) == STEPS
    points = [tuple(map(float, point.split(","))) for point in f"{chart.line} {chart.limits}".split()]
    assert all(chart.left <= x <= chart.right and 0 <= y <= HEIGHT for x, y in points)
    assert [round(tick.value, 3) for tick in chart.rates] == [0.0, 0.25, 0.5]


def test_few_parts_make_no_chart() -> None:
    assert rate_chart(hour_of([glance(n) for n in range(5)], NOW)) is None
