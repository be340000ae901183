"""A bundle that looks on: it counts where it disagrees, and nobody waits for it."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.core.decision import Thresholds, Verdict
from edge.core.frame import Frame
from edge.core.runtime import load_model
from edge.deployment.shadow import Shadow, Shown
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.events import Disagreement


@pytest.fixture
def told() -> list[Disagreement]:
    return []


@pytest.fixture
def shadow(told: list[Disagreement]) -> Iterator[Shadow]:
    shadow = Shadow(told.append)
    shadow.start()
    yield shadow
    shadow.stop()


@pytest.fixture
def strict(bundle: Path) -> Inspector:
    """To it everything is a defect."""
    return Inspector(load_model(bundle), thresholds=Thresholds(ok_below=0, defect_from=0))


def part(name: str, level: int, verdict: Verdict) -> Shown:
    image = np.full((32, 32), level, np.uint8)
    frame = Frame(image, 0, captured=0.0, captured_at=datetime.now(UTC))
    return Shown(name, name, [frame], "worst", Inspection(frame, verdict, 0.5, "ok"), "live")


def wait_until_scored(shadow: Shadow, count: int) -> None:
    deadline = time.monotonic() + 20
    while shadow.statistics is None or shadow.statistics.scored < count:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def held_up(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """The first is set when an inspection has begun; it goes on when the second is."""
    begun, may_go_on = threading.Event(), threading.Event()
    inspect = inspector.inspect

    def slow(frame: Frame) -> Inspection:
        begun.set()
        may_go_on.wait(20)
        return inspect(frame)

    monkeypatch.setattr(inspector, "inspect", slow)
    return begun, may_go_on


def test_both_verdicts_are_counted_and_a_disagreement_is_told(
    shadow: Shadow, told: list[Disagreement], strict: Inspector
) -> None:
    shadow.use(strict, most_waiting=10)
    shadow.show(part("a", 200, Verdict.DEFECT))
    shadow.show(part("b", 200, Verdict.OK))
    wait_until_scored(shadow, 2)
    counts = shadow.statistics
    assert counts is not None
    assert (counts.disagreed, counts.dropped) == (1, 0)
    assert counts.pairs == {"defect/defect": 1, "ok/defect": 1}
    assert [(one.part, one.shadow_verdict, one.shadow_bundle_sha256) for one in told] == [
        ("b", Verdict.DEFECT, strict.model.bundle.sha256)
    ]


def test_of_many_disagreements_in_a_second_one_is_told_and_all_are_counted(
    shadow: Shadow, told: list[Disagreement], strict: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.deployment.shadow.TOLD_EVERY_S", 1000)
    shadow.use(strict, most_waiting=10)
    for number in range(5):
        shadow.show(part(str(number), 200, Verdict.OK))
    wait_until_scored(shadow, 5)
    assert shadow.statistics is not None
    assert (shadow.statistics.disagreed, len(told)) == (5, 1)


def test_what_there_is_no_time_for_is_dropped_and_counted(
    shadow: Shadow, strict: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = held_up(strict, monkeypatch)
    shadow.use(strict, most_waiting=2)
    shadow.show(part("a", 200, Verdict.OK))
    assert begun.wait(20)
    for name in "bcde":
        shadow.show(part(name, 200, Verdict.OK))
    may_go_on.set()
    wait_until_scored(shadow, 3)
    assert shadow.statistics is not None
    assert (shadow.statistics.scored, shadow.statistics.dropped) == (3, 2)


def test_a_shadow_that_raises_would_have_made_a_fault(
    shadow: Shadow, strict: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: Frame) -> Inspection:
        raise ZeroDivisionError("no")

    monkeypatch.setattr(strict, "inspect", fail)
    shadow.use(strict, most_waiting=2)
    shadow.show(part("a", 200, Verdict.OK))
    wait_until_scored(shadow, 1)
    assert shadow.statistics is not None
    assert shadow.statistics.pairs == {"ok/fault": 1}


def test_a_disagreement_that_cannot_be_told_ends_nothing(
    strict: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    def tell(_found: Disagreement) -> None:
        raise ValueError("no")

    shadow = Shadow(tell)
    shadow.start()
    shadow.use(strict, most_waiting=10)
    for name in "ab":
        shadow.show(part(name, 200, Verdict.OK))
        wait_until_scored(shadow, 1 + "ab".index(name))
    shadow.stop()
    assert "shadow" in caplog.text


def test_what_still_waits_when_it_is_replaced_is_dropped_and_counted(
    shadow: Shadow, strict: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = held_up(strict, monkeypatch)
    shadow.use(strict, most_waiting=5)
    for name in "abc":
        shadow.show(part(name, 200, Verdict.OK))
    assert begun.wait(20)
    again = Inspector(strict.model, thresholds=strict.thresholds)
    shadow.use(again, most_waiting=5)
    shadow.show(part("d", 200, Verdict.OK))
    may_go_on.set()
    wait_until_scored(shadow, 2)
    assert shadow.statistics is not None
    assert (shadow.statistics.scored, shadow.statistics.dropped) == (2, 2)


def test_it_is_shown_the_parts_of_its_recipe_only_and_without_a_bundle_none(
    shadow: Shadow, strict: Inspector
) -> None:
    assert not shadow.wants(strict)
    assert shadow.statistics is None
    shadow.use(Inspector(strict.model, recipe="can"), most_waiting=1)
    assert not shadow.wants(strict)
    shadow.use(strict, most_waiting=1)
    assert shadow.wants(strict)
