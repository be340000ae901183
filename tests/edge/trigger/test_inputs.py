"""An input line, with a pin that is not there."""

import queue
import threading
from collections.abc import Sequence

import pytest

import edge.trigger.inputs
from edge.trigger.inputs import Edge, InputLine


class FakePin:
    """Gives what the test puts in; an error is raised."""

    def __init__(self, events: "queue.Queue[list[Edge] | OSError]") -> None:
        self._events = events
        self.closed = threading.Event()

    def events(self, wait_s: float) -> list[Edge]:
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
    monkeypatch.setattr(edge.trigger.inputs, "REOPEN_S", 0.01)
    source: queue.Queue[list[Edge] | OSError] = queue.Queue()
    told: queue.Queue[float] = queue.Queue()

    def tell(edges: Sequence[Edge]) -> None:
        for event in edges:
            told.put(event.at)

    troubles: queue.Queue[str | None] = queue.Queue()
    pins: list[FakePin] = []

    def open_pin() -> FakePin:
        pins.append(FakePin(source))
        return pins[-1]

    line = InputLine("trigger", open_pin, on_edges=tell, on_trouble=troubles.put)
    line.start()
    source.put([Edge(1.0, 1), Edge(2.0, 2)])
    assert [told.get(timeout=5) for _ in range(2)] == [1.0, 2.0]
    source.put(OSError("unplugged"))
    source.put([Edge(3.0, 1)])
    assert told.get(timeout=5) == 3.0
    line.stop()
    assert [troubles.get(timeout=5) for _ in range(3)] == [
        None,
        "the input line cannot be read: unplugged",
        None,
    ]
    assert [pin.closed.is_set() for pin in pins] == [True, True]


def test_a_line_that_cannot_be_opened_is_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.trigger.inputs, "REOPEN_S", 0.01)
    tries: queue.Queue[None] = queue.Queue()

    def open_pin() -> FakePin:
        tries.put(None)
        raise OSError("busy")

    line = InputLine("trigger", open_pin, on_edges=lambda _: None, on_trouble=lambda _: None)
    line.start()
    for _ in range(3):
        tries.get(timeout=5)
    line.stop()
