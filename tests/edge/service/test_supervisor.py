"""The signs of life of a line that turns, waits, or hangs; on a clock of our own."""

import pytest

from edge.service.notify import Notifier
from edge.service.supervisor import Supervisor


class Heard(Notifier):
    """Keeps what would be sent."""

    def __init__(self, watchdog_s: float | None = 10.0) -> None:
        super().__init__({})
        self.watchdog_s = watchdog_s
        self.messages: list[str] = []

    def _send(self, message: str) -> None:
        self.messages.append(message)

    @property
    def feedings(self) -> int:
        return self.messages.count("WATCHDOG=1")


def turn(supervisor: Supervisor, begin: float, end: float, *, alive: bool, status: str = "ready") -> None:
    """A loop that turns ten times a second."""
    for tick in range(round((end - begin) * 10)):
        now = begin + tick / 10
        supervisor.check("the gate", now, seen=alive)
        supervisor.turn(now, status)


def test_a_line_that_lives_is_fed_about_once_a_second() -> None:
    heard = Heard()
    turn(Supervisor(heard), 0, 60, alive=True)
    assert 55 <= heard.feedings <= 60


def test_a_short_limit_is_fed_in_time() -> None:
    heard = Heard(watchdog_s=1.0)
    turn(Supervisor(heard), 0, 10, alive=True)
    assert heard.feedings >= 30


def test_a_dead_part_ends_the_feeding_after_the_limit_and_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    turn(supervisor, 0, 5, alive=True)
    turn(supervisor, 5, 14, alive=False)
    fed = heard.feedings
    turn(supervisor, 16, 60, alive=False)
    assert heard.feedings == fed
    said = [record for record in caplog.records if "the gate" in record.getMessage()]
    assert len(said) == 1


def test_a_part_that_is_back_is_fed_again() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    turn(supervisor, 0, 30, alive=False)
    fed = heard.feedings
    turn(supervisor, 30, 40, alive=True)
    assert heard.feedings >= fed + 9


def test_a_sign_may_be_given_more_time() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    for now in range(60):
        supervisor.check("verdicts", now, seen=False, more_s=50)
        supervisor.turn(now, "")
    assert heard.feedings == 60


def test_the_status_is_sent_when_it_changes() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    turn(supervisor, 0, 5, alive=True, status="ready")
    turn(supervisor, 5, 10, alive=True, status="fault: no camera")
    statuses = [message for message in heard.messages if message.startswith("STATUS=")]
    assert statuses == ["STATUS=ready", "STATUS=fault: no camera"]


def test_ready_is_said_once() -> None:
    heard = Heard()
    supervisor = Supervisor(heard)
    supervisor.ready()
    supervisor.ready()
    supervisor.stopping()
    assert heard.messages == ["READY=1", "STOPPING=1"]
