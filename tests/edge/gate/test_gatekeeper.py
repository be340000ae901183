"""The gate on real time."""

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from edge.core.decision import Verdict
from edge.gate.gate import GateCommand
from edge.gate.gatekeeper import GateKeeper
from edge.settings.settings import GateSettings

LONG_AGO = -1e6


class Wire:
    """Takes commands, with when they were sent; may be cut."""

    def __init__(self) -> None:
        self.sent: queue.Queue[tuple[float, GateCommand]] = queue.Queue()
        self.tries = 0
        self.is_cut = False

    def send(self, command: GateCommand, now: float) -> bool:
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
def keepers(wire: Wire) -> Iterator[Any]:
    started: list[GateKeeper] = []

    def start(**settings: Any) -> GateKeeper:
        keeper = GateKeeper(GateSettings.model_validate(settings), send=wire.send)
        keeper.watch(LONG_AGO)
        keeper.start()
        started.append(keeper)
        return keeper

    yield start
    for keeper in started:
        keeper.stop(wait_s=0)


def test_a_defect_is_told_at_once_by_the_thread_that_found_it(keepers: Any, wire: Wire) -> None:
    keeper = keepers()
    keeper.decide(keeper.expect("a", time.monotonic()), Verdict.DEFECT)
    assert wire.sent.qsize() == 1


def test_a_part_whose_inspection_never_ends_is_rejected_in_time(keepers: Any, wire: Wire) -> None:
    keeper = keepers(travel_ms=300, margin_ms=100)
    keeper.expect("a", time.monotonic())
    at, command = wire.next()
    assert (command.part, command.action) == ("a", "reject")
    assert at <= command.due


def test_commands_that_could_not_be_sent_come_again_while_there_is_time(keepers: Any, wire: Wire) -> None:
    keeper = keepers(travel_ms=5000)
    wire.is_cut = True
    keeper.decide(keeper.expect("a", time.monotonic()), Verdict.DEFECT)
    assert wire.sent.qsize() == 0
    wire.is_cut = False
    assert wire.next()[1].part == "a"


def test_an_encoder_that_falls_silent_is_noticed(keepers: Any, wire: Wire) -> None:
    keeper = keepers(belt="encoder", travel_counts=1000, min_gap_counts=10, encoder_silence_ms=300)
    assert keeper.lost is not None
    for count in range(5):
        keeper.count(count * 10, time.monotonic())
    assert keeper.lost is None
    deadline = time.monotonic() + 5
    while keeper.lost is None and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert keeper.lost == "the encoder is silent"


def test_what_is_held_back_is_sent_before_the_end(keepers: Any, wire: Wire) -> None:
    keeper = keepers(mode="reject-unless-ok", min_gap_ms=100)
    keeper.decide(keeper.expect("a", time.monotonic()), Verdict.OK)
    keeper.stop(wait_s=5)
    assert wire.sent.get_nowait()[1].action == "pass"


def test_what_has_no_verdict_at_the_end_is_rejected(keepers: Any, wire: Wire) -> None:
    keeper = keepers()
    keeper.expect("a", time.monotonic())
    keeper.stop(wait_s=5)
    assert wire.sent.get_nowait()[1].reason == "the station was stopped"


def test_a_rejected_part_that_is_not_in_the_bin_is_missing(wire: Wire) -> None:
    missing: queue.Queue[list[str]] = queue.Queue()
    settings = GateSettings(travel_ms=30, confirm_ms=50)
    keeper = GateKeeper(settings, send=wire.send, on_missing=missing.put)
    keeper.watch(LONG_AGO)
    keeper.start()
    keeper.decide(keeper.expect("a", time.monotonic()), Verdict.DEFECT)
    assert missing.get(timeout=5) == ["a"]
    keeper.stop(wait_s=0)


def test_many_threads_may_tell_it_things(keepers: Any, wire: Wire) -> None:
    keeper = keepers(travel_ms=60000, min_gap_ms=0.001, window_ms=0.001, max_parts=10000)

    def tell(name: str) -> None:
        for number in range(100):
            keeper.decide(keeper.expect(f"{name}{number}", time.monotonic()), Verdict.DEFECT)

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = [wire.next()[1].part for _ in range(400)]
    assert len(set(parts)) == 400
