"""An input line, with a pin that is not there."""

import queue
import threading

import pytest

import edge.inputs
from edge.inputs import InputLine


class FakePin:
    """Gives what the test puts in; an error is raised."""

    def __init__(self, events: "queue.Queue[list[float] | OSError]") -> None:
        self._events = events
        self.closed = threading.Event()

    def events(self, wait_s: float) -> list[float]:
        try:
            found = self._events.get(timeout=wait_s)
        except queue.Empty:
            return []
        if isinstance(found, OSError):
            raise found
        return found

    def close(self) -> None:
        self.closed.set()


def test_each_event_is_told_and_a_line_that_fails_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.inputs, "_REOPEN_S", 0.01)
    source: queue.Queue[list[float] | OSError] = queue.Queue()
    told: queue.Queue[float] = queue.Queue()
    troubles: queue.Queue[str | None] = queue.Queue()
    pins: list[FakePin] = []

    def open_pin() -> FakePin:
        pins.append(FakePin(source))
        return pins[-1]

    line = InputLine(open_pin, on_event=told.put, on_trouble=troubles.put)
    line.start()
    source.put([1.0, 2.0])
    assert [told.get(timeout=5) for _ in range(2)] == [1.0, 2.0]
    source.put(OSError("unplugged"))
    source.put([3.0])
    assert told.get(timeout=5) == 3.0
    line.stop()
    assert [troubles.get(timeout=5) for _ in range(3)] == [
        None,
        "the input line cannot be read: unplugged",
        None,
    ]
    assert [pin.closed.is_set() for pin in pins] == [True, True]


def test_a_line_that_cannot_be_opened_is_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.inputs, "_REOPEN_S", 0.01)
    tries: queue.Queue[None] = queue.Queue()

    def open_pin() -> FakePin:
        tries.put(None)
        raise OSError("busy")

    line = InputLine(open_pin, on_event=lambda _: None, on_trouble=lambda _: None)
    line.start()
    for _ in range(3):
        tries.get(timeout=5)
    line.stop()
