"""Messages that come in are handed on, answered or counted."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.errors import RequestError
from edge.outputs.mqtt.client import Incoming
from edge.outputs.mqtt.inbox import Inbox
from edge.outputs.requests import WAITING_COMMANDS, CommandQueue, WaitingCommand


class NotingReceiver:
    """Notes what arrives; ``broken`` raises what no receiver should."""

    def __init__(self, *, broken: bool = False) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._broken = broken
        self.commands = CommandQueue()

    def triggered(self, part: str, at: float, count: int | None) -> None:
        if self._broken:
            raise ZeroDivisionError
        if part == "unwanted":
            raise RequestError("not now")
        self.calls.append(("triggered", part, at, count))

    def belt_moves(self, direction: str, at: float) -> None:
        self.calls.append(("moves", direction, at))

    def belt_counts(self, count: int, at: float) -> None:
        self.calls.append(("counts", count, at))

    def confirmed(self) -> None:
        self.calls.append(("confirmed",))

    def lot_begins(self, lot: str | None) -> None:
        self.calls.append(("lot", lot))

    def triggers_heard(self, trouble: str | None, at: float) -> None:
        self.calls.append(("heard", trouble, at))

    def belt_lost(self, reason: str) -> None:
        self.calls.append(("lost", reason))

    def command(self, waiting: WaitingCommand) -> None:
        self.commands.put(waiting)


def inbox_of(receiver: NotingReceiver) -> Inbox:
    return Inbox(receiver, lambda *_: None)


def message(kind: str, payload: bytes, *, retained: bool = False) -> Incoming:
    return Incoming(f"inspection/a/{kind}", payload, retained=retained, received=7.0)


def test_messages_reach_the_receiver_with_the_time_they_came() -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    inbox.receive(message("trigger", b'{"part": "1"}'))
    inbox.receive(message("belt", b'{"direction": "stopped"}', retained=True))
    inbox.receive(message("encoder", b'{"count": 12}'))
    inbox.receive(message("bin", b"{}"))
    inbox.receive(message("lot", b'{"lot": "L-1"}', retained=True))
    inbox.receive(message("lot", b'{"lot": null}'))
    assert receiver.calls == [
        ("triggered", "1", 7.0, None), ("moves", "stopped", 7.0), ("counts", 12, 7.0), ("confirmed",),
        ("lot", "L-1"), ("lot", None),
    ]  # fmt: skip
    assert inbox.refused == 0


@pytest.mark.parametrize("kind", ["trigger", "command", "encoder", "bin"])
def test_a_retained_message_is_from_another_time(kind: str) -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    inbox.receive(message(kind, b'{"part": "1", "id": "1", "command": "reset", "count": 1}', retained=True))
    assert receiver.calls == []
    assert receiver.commands.next() is None
    assert inbox.refused == 1


def test_a_trigger_that_comes_twice_is_one_part() -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    for _ in range(3):
        inbox.receive(message("trigger", b'{"part": "1"}'))
    assert len(receiver.calls) == 1
    assert inbox.refused == 2


def test_a_command_waits_for_the_line_and_is_done_once() -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    for _ in range(2):
        inbox.receive(message("command", b'{"id": "1", "command": "stop"}'))
    first, second = receiver.commands.next(), receiver.commands.next()
    assert first is not None
    assert first.request is not None
    assert first.request.command == "stop"
    assert second is not None
    assert second.request is None, "the second is only answered"
    assert second.error == "id: this id came before"


def test_a_command_that_cannot_be_read_is_answered() -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    inbox.receive(message("command", b"reset!"))
    waiting = receiver.commands.next()
    assert waiting is not None
    assert waiting.error == "not valid JSON"


def test_a_flood_of_commands_is_bounded() -> None:
    inbox = inbox_of(NotingReceiver())
    for number in range(1000):
        inbox.receive(message("command", b'{"id": "%d", "command": "stop"}' % number))
    assert inbox.refused == 1000 - WAITING_COMMANDS


def test_nothing_that_goes_wrong_reaches_the_network_thread(caplog: pytest.LogCaptureFixture) -> None:
    inbox = inbox_of(NotingReceiver(broken=True))
    inbox.receive(message("trigger", b'{"part": "1"}'))
    inbox.receive(message("no-such-kind", b"{}"))
    assert inbox.refused == 2


def test_refusals_are_said_once_until_a_good_message_comes(caplog: pytest.LogCaptureFixture) -> None:
    inbox = inbox_of(NotingReceiver())
    for part in (b"unwanted", b"u/2", b"3", b"unwanted"):
        inbox.receive(message("trigger", b'{"part": "%s"}' % part))
    first, second = (record.message for record in caplog.records)
    assert first.endswith("refused: not now")
    assert second.endswith("this id came before")


@given(
    st.sampled_from(["trigger", "command", "belt", "encoder", "bin", "lot", "x"]), st.binary(), st.booleans()
)
def test_hostile_messages_change_nothing(kind: str, payload: bytes, retained: bool) -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    inbox.receive(message(kind, payload, retained=retained))
    assert len(receiver.calls) + inbox.refused == 1 or kind == "command"


def test_what_never_became_a_message_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    inbox = inbox_of(NotingReceiver())
    for _ in range(100):
        inbox.unreadable("inspection/a/lot", "malformed (U+FEFF)")
    assert inbox.refused == 100
    assert [record.getMessage() for record in caplog.records] == [
        "mqtt: a message on …/lot is refused: malformed (U+FEFF); where it is retained, delete it there"
    ]


def test_topics_that_nobody_asked_for_fill_neither_memory_nor_log(caplog: pytest.LogCaptureFixture) -> None:
    inbox = inbox_of(NotingReceiver())
    for number in range(1000):
        inbox.receive(message(f"kind-{number}", b"{}"))
        inbox.unreadable(f"inspection/a/other-{number}", "malformed")
    assert inbox.refused == 2000
    assert inbox.refused_kinds == 1
    assert len(caplog.records) == 1


def test_a_command_with_more_correlation_data_than_is_sent_back_is_refused_and_not_done() -> None:
    receiver = NotingReceiver()
    inbox = inbox_of(receiver)
    command = message("command", b'{"id": "1", "command": "stop"}')
    inbox.receive(replace(command, correlation=b"x" * 257))
    waiting = receiver.commands.next()
    assert waiting is not None
    assert (waiting.request, waiting.error) == (None, "correlation data: at most 256 bytes are sent back")
    inbox.receive(replace(command, correlation=b"x" * 256))
    waiting = receiver.commands.next()
    assert waiting is not None
    assert waiting.error is None
