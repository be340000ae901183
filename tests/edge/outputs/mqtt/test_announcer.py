"""The times in a command are by the clock at its sending, and not by that of its decision."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from edge.gate.gate import GateCommand
from edge.outputs.events import StateChanged
from edge.outputs.mqtt import announcer as module
from edge.outputs.mqtt.announcer import Announcer
from edge.outputs.mqtt.client import BrokerLink

BEGUN = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Clocks:
    """Both clocks, which the process loses sight of while it is held."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looks_until_held = 0
        self.held_for = 0.0

    def _look(self) -> None:
        self.looks_until_held -= 1
        if self.looks_until_held == 0:
            self.now += self.held_for

    def monotonic(self) -> float:
        self._look()
        return self.now

    def wall(self, _zone: object) -> datetime:
        self._look()
        return BEGUN + timedelta(seconds=self.now - 1000)


class Link:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def publish(self, _topic: str, payload: bytes, *, qos: int, expires_s: float, **_more: object) -> object:
        assert qos == 1
        self.sent.append({**json.loads(payload), "expires_s": expires_s})
        return object()


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()

    class Datetime(datetime):
        now = clocks.wall  # type: ignore[assignment]

    monkeypatch.setattr(time, "monotonic", clocks.monotonic)
    monkeypatch.setattr(module, "datetime", Datetime)
    return clocks


def say(command: GateCommand) -> list[dict[str, Any]]:
    link = Link()
    announcer = Announcer("a", cast("BrokerLink", link), simulated=False)
    assert announcer.command(command) == bool(link.sent)
    return link.sent


@pytest.mark.parametrize("look", range(1, 4))
@pytest.mark.parametrize("held_for", [0.3, 5.0])
def test_a_process_that_is_held_shifts_no_command_and_sends_none_too_late(
    clocks: Clocks, look: int, held_for: float
) -> None:
    clocks.looks_until_held, clocks.held_for = look, held_for
    sent = say(GateCommand("A-1", "reject", 1000.5, 1000.51, 50.0))
    assert len(sent) == (held_for < 0.5)
    for message in sent:
        assert message["due_at"] == "2026-11-21T10:00:00.500Z"
        assert message["valid_until"] == "2026-11-21T10:00:00.510Z"
        assert message["due_in_ms"] == pytest.approx(200)
        assert message["expires_s"] == pytest.approx(0.21)


def test_of_a_stretch_that_nobody_saw_what_is_left_is_rejected(clocks: Clocks) -> None:
    clocks.now += 0.2
    (message,) = say(GateCommand(None, "reject", 1000.0, 1000.51, 500.0, "not seen"))
    assert (message["due_in_ms"], message["pulse_ms"]) == (0, pytest.approx(300))
    assert message["due_at"] == "2026-11-21T10:00:00.200Z"


def test_what_is_valid_until_when_is_said_as_a_number_too(clocks: Clocks) -> None:
    link = Link()
    announcer = Announcer("a", cast("BrokerLink", link), simulated=False)
    announcer.command(GateCommand("A-1", "reject", clocks.now + 1, clocks.now + 1.51, 50.0))
    (said,) = link.sent
    moment = datetime.fromisoformat(said["valid_until"])
    assert said["valid_until_ms"] == round(moment.timestamp() * 1000)


def test_the_status_says_which_mqtt_is_spoken() -> None:
    """With 3.1.1 nothing expires at the broker."""
    link = FakeLink()
    announcer = Announcer("a", cast("BrokerLink", link), simulated=False)
    ready = StateChanged("ready", BEGUN, None, "0" * 64, "default")
    assert announcer.status_message(ready).mqtt == "3.1.1"
    link.protocol = None
    assert announcer.status_message(ready).mqtt is None


class FakeLink:
    """Of an old broker."""

    protocol: str | None = "3.1.1"
