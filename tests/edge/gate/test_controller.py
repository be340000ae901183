"""The gate on real time."""

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge.core.decision import Verdict
from edge.gate.controller import GateController
from edge.gate.gate import LATE, GateCommand
from edge.settings.gate import GateSettings

LONG_AGO = -1e6


class Wire:
    """Takes commands, with when they were sent; may be cut."""

    def __init__(self) -> None:
        self.sent: queue.Queue[tuple[float, GateCommand]] = queue.Queue()
        self.tries = 0
        self.is_cut = False

    def send(self, command: GateCommand) -> bool:
        self.tries += 1
        if not self.is_cut:
            self.sent.put((time.monotonic(), command))
        return not self.is_cut

    def next(self) -> tuple[float, GateCommand]:
        return self.sent.get(timeout=5)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def controllers(wire: Wire) -> Iterator[Any]:
    started: list[GateController] = []

    def start(**settings: Any) -> GateController:
        controller = GateController(GateSettings.model_validate(settings), send=wire.send)
        controller.watch(LONG_AGO)
        controller.start()
        started.append(controller)
        return controller

    yield start
    for controller in started:
        controller.stop(wait_s=0)


def test_a_defect_is_told_at_once_by_the_thread_that_found_it(controllers: Any, wire: Wire) -> None:
    controller = controllers()
    controller.decide(controller.expect("a", time.monotonic()), Verdict.DEFECT)
    assert wire.sent.qsize() == 1


def test_a_part_whose_inspection_never_ends_is_rejected_in_time(controllers: Any, wire: Wire) -> None:
    controller = controllers(travel_ms=300, margin_ms=100)
    controller.expect("a", time.monotonic())
    at, command = wire.next()
    assert (command.part, command.action) == ("a", "reject")
    assert at <= command.due


def test_commands_that_could_not_be_sent_come_again_while_there_is_time(controllers: Any, wire: Wire) -> None:
    controller = controllers(travel_ms=5000)
    wire.is_cut = True
    controller.decide(controller.expect("a", time.monotonic()), Verdict.DEFECT)
    assert wire.sent.qsize() == 0
    wire.is_cut = False
    assert wire.next()[1].part == "a"


def test_an_encoder_that_falls_silent_is_noticed(controllers: Any, wire: Wire) -> None:
    controller = controllers(belt="encoder", travel_counts=1000, min_gap_counts=10, encoder_silence_ms=300)
    assert controller.lost is not None
    for count in range(5):
        controller.count(count * 10, time.monotonic())
    assert controller.lost is None
    deadline = time.monotonic() + 5
    while controller.lost is None and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert controller.lost == "the encoder is silent"


def test_what_is_held_back_is_sent_before_the_end(controllers: Any, wire: Wire) -> None:
    controller = controllers(mode="reject-unless-ok", min_gap_ms=100)
    controller.decide(controller.expect("a", time.monotonic()), Verdict.OK)
    controller.stop(wait_s=5)
    assert wire.sent.get_nowait()[1].action == "pass"


def test_what_has_no_verdict_at_the_end_is_rejected(controllers: Any, wire: Wire) -> None:
    controller = controllers()
    controller.expect("a", time.monotonic())
    controller.stop(wait_s=5)
    assert wire.sent.get_nowait()[1].reason == "the station was stopped"


def test_a_rejected_part_that_is_not_in_the_bin_is_missing(wire: Wire) -> None:
    missing: queue.Queue[list[str]] = queue.Queue()
    settings = GateSettings(travel_ms=30, confirm_ms=50)
    controller = GateController(settings, send=wire.send, on_missing=missing.put)
    controller.watch(LONG_AGO)
    controller.start()
    controller.decide(controller.expect("a", time.monotonic()), Verdict.DEFECT)
    assert missing.get(timeout=5) == ["a"]
    controller.stop(wait_s=0)


def test_many_threads_may_tell_it_things(controllers: Any, wire: Wire) -> None:
    controller = controllers(travel_ms=60000, min_gap_ms=0.001, window_ms=0.001, max_parts=10000)

    def tell(name: str) -> None:
        for number in range(100):
            controller.decide(controller.expect(f"{name}{number}", time.monotonic()), Verdict.DEFECT)

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [wire.next()[1].part for _ in range(400)]
    assert len(set(parts)) == 400


# -- held up between the decision and the sending


class HeldClock:
    """Stands still, except that the process is held for ``held_for`` seconds before one look at it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks_until_held = -1
        self.held_for = 0.0

    def __call__(self) -> float:
        self.looks_until_held -= 1
        if self.looks_until_held == 0:
            self.now += self.held_for
        return self.now


@pytest.mark.parametrize("mode", ["reject-on-defect", "reject-unless-ok"])
@pytest.mark.parametrize("look", range(1, 6))
def test_a_process_that_is_held_sends_no_command_after_its_part_has_passed(mode: str, look: int) -> None:
    """Held at each look at the clock in turn, until long after the part was at the ejector."""
    clock, sent = HeldClock(), list[tuple[float, GateCommand]]()

    def send(command: GateCommand) -> bool:
        sent.append((clock.now, command))
        return True

    settings = GateSettings.model_validate({"mode": mode, "travel_ms": 300})
    controller = GateController(settings, send=send, clock=clock)
    controller.watch(clock.now - 100)
    tracked = controller.expect("a", clock.now)
    clock.now += 0.1
    clock.looks_until_held, clock.held_for = look, 5.0
    trouble = controller.decide(tracked, Verdict.OK if mode == "reject-unless-ok" else Verdict.DEFECT)
    controller.turn()
    controller.turn()
    assert clock.looks_until_held <= 0, "held"
    assert [at <= command.due for at, command in sent] == [True] * len(sent)
    assert len(sent) + controller.counts.too_late == 1 or trouble == LATE, "sent in time, counted, or a fault"


def test_a_pass_is_not_sent_when_its_part_became_a_fault_while_another_command_was_sent() -> None:
    """Another thread's words between the decision and the sending count."""
    clock, sent = HeldClock(), list[str | None]()
    connected = False

    def send(command: GateCommand) -> bool:
        if connected:
            sent.append(command.part)
            controller.expect("close to b", begun + 0.051)
        return connected

    controller = GateController(GateSettings(mode="reject-unless-ok"), send=send, clock=clock)
    begun = clock.now
    controller.watch(begun - 100)
    for part, seen in (("a", begun), ("b", begun + 0.05)):
        clock.now = seen
        controller.decide(controller.expect(part, seen), Verdict.OK)
    clock.now += 0.1
    connected = True
    controller.turn()
    assert sent == ["a"]


def test_a_command_that_was_not_delivered_comes_again_while_there_is_time(wire: Wire) -> None:
    clock = HeldClock()
    controller = GateController(GateSettings(travel_ms=300), send=wire.send, clock=clock)
    controller.watch(clock.now - 100)
    controller.decide(controller.expect("a", clock.now), Verdict.DEFECT)
    _, command = wire.next()
    controller.undelivered(command)
    controller.turn()
    assert wire.next()[1] == command
    clock.now += 1
    controller.turn()
    controller.undelivered(command)
    assert controller.counts.too_late == 1
