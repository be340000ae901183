"""A gate on a pin: in time or never, and inactive otherwise."""

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge.outputs.pins.ejector
from edge.gate.gate import GateCommand
from edge.outputs.pins.ejector import Ejector, PulsePlan


def command(part: str | None, due: float, *, pulse_ms: float = 50.0, window_s: float = 0.01) -> GateCommand:
    action = "reject"
    return GateCommand(part, action, due, due + window_s, pulse_ms)  # type: ignore[arg-type]


def active(plan: PulsePlan, *moments: float) -> list[bool]:
    return [plan.is_active(moment) for moment in moments]


def test_a_pulse_begins_when_its_command_is_due_and_has_its_length() -> None:
    plan = PulsePlan()
    plan.add(command("a", 1.0))
    assert active(plan, 0.99, 1.0, 1.049, 1.051) == [False, True, True, False]
    assert plan.missed == 0


def test_a_pulse_that_begins_late_within_its_window_has_its_whole_length() -> None:
    plan = PulsePlan()
    plan.add(command("a", 1.0))
    assert active(plan, 1.009, 1.058, 1.06) == [True, True, False]


def test_after_its_window_a_pulse_never_begins_and_that_is_counted() -> None:
    plan = PulsePlan()
    plan.add(command("a", 1.0))
    assert active(plan, 1.011, 1.02) == [False, False]
    assert plan.missed == 1


def test_of_two_commands_for_a_part_the_later_one_counts() -> None:
    plan = PulsePlan()
    plan.add(command("a", 1.0))
    plan.add(command("a", 2.0))
    assert active(plan, 1.0, 2.0) == [False, True]


def test_what_nobody_saw_is_rejected_from_place_to_place() -> None:
    plan = PulsePlan()
    plan.add(command(None, 1.0, pulse_ms=500, window_s=0.51))
    plan.add(command(None, 1.5, pulse_ms=500, window_s=0.51))
    assert active(plan, 1.2, 1.5, 1.99, 2.0) == [True, True, True, False]


@settings(deadline=None)  # a busy machine is no mistake
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(1, 500)), max_size=20), st.floats(0.02, 0.2))
def test_it_is_active_only_after_a_due_time_and_no_longer_than_a_pulse(
    commands: list[tuple[float, float]], step: float
) -> None:
    plan = PulsePlan()
    for number, (due, pulse_ms) in enumerate(commands):
        plan.add(command(str(number), due, pulse_ms=pulse_ms))
    now = 0.0
    while plan.wake < 1e9:
        if plan.is_active(now):
            assert any(due <= now < due + 0.01 + pulse_ms / 1000 for due, pulse_ms in commands)
        now += step
    assert not plan.is_active(now)


class FakeOutput:
    """Notes each level with its time; may be unplugged."""

    def __init__(self, levels: "queue.Queue[tuple[bool | str, float]]", broken: threading.Event) -> None:
        self._levels = levels
        self._broken = broken

    def set(self, *, active: bool) -> None:
        if self._broken.is_set():
            raise OSError("unplugged")
        self._levels.put((active, time.monotonic()))

    def close(self) -> None:
        self._levels.put(("closed", time.monotonic()))


class Bench:
    """An ejector, its pin, and what it said."""

    def __init__(self) -> None:
        self.levels: queue.Queue[tuple[bool | str, float]] = queue.Queue()
        self.broken = threading.Event()
        self.troubles: queue.Queue[str | None] = queue.Queue()
        self.missed: queue.Queue[int] = queue.Queue()
        self.ejector = Ejector(
            lambda: FakeOutput(self.levels, self.broken),
            on_trouble=self.troubles.put,
            on_missed=self.missed.put,
        )

    def take(self, wanted: Callable[[], GateCommand]) -> GateCommand:
        """Hand over a command as soon as the pin is open."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            given = wanted()
            if self.ejector.take(given):
                return given
            threading.Event().wait(0.005)
        raise AssertionError("the pin was not opened")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(edge.outputs.pins.ejector, "REOPEN_S", 0.01)
    bench = Bench()
    yield bench
    bench.ejector.stop()


def in_a_moment() -> GateCommand:
    return command("a", time.monotonic() + 0.1, window_s=5.0)  # a busy machine must not miss it here


def test_a_command_is_a_pulse_on_the_pin(bench: Bench) -> None:
    bench.ejector.start()
    due = bench.take(in_a_moment).due
    on, off = bench.levels.get(timeout=10), bench.levels.get(timeout=10)
    assert (on[0], off[0]) == (True, False)
    assert on[1] >= due
    assert off[1] - on[1] >= 0.05


def test_before_the_pin_is_open_nothing_is_taken(bench: Bench) -> None:
    assert not bench.ejector.take(in_a_moment())


def test_at_the_end_what_is_planned_is_carried_out_and_the_pin_left_inactive(bench: Bench) -> None:
    bench.ejector.start()
    bench.take(in_a_moment)
    bench.ejector.stop()
    levels = [bench.levels.get(timeout=10)[0] for _ in range(4)]
    assert levels == [True, False, False, "closed"]


def test_a_command_whose_time_has_passed_is_left_and_said(bench: Bench) -> None:
    bench.ejector.start()
    bench.take(lambda: command("a", time.monotonic() - 1))
    assert bench.missed.get(timeout=10) == 1
    assert bench.levels.empty()


def test_a_pin_that_fails_is_said_and_opened_again(bench: Bench) -> None:
    bench.ejector.start()
    assert bench.troubles.get(timeout=10) is None
    bench.broken.set()
    bench.take(lambda: command("a", time.monotonic(), window_s=5.0))
    assert bench.troubles.get(timeout=10) == "the pin of the ejector cannot be set: unplugged"
    bench.broken.clear()
    assert bench.troubles.get(timeout=10) is None
    bench.take(lambda: command("b", time.monotonic(), window_s=5.0))
