"""Trouble is said once when it begins, and once more when it is over."""

import pytest

from edge.alarms.latch import AlarmLatch
from edge.settings.alarms import Alarm


def test_it_is_said_once_when_it_begins_and_once_when_it_ends() -> None:
    said: list[tuple[str, str | None]] = []
    trouble = AlarmLatch(Alarm.DISK, lambda name, text: said.append((name, text)))
    trouble.ends("never began")
    trouble.begins("full")
    trouble.begins("still full")
    assert trouble.is_there
    trouble.ends("room")
    trouble.ends("room")
    trouble.begins("full again")
    assert said == [("disk", "full"), ("disk", None), ("disk", "full again")]


def test_another_reason_is_said_too_and_the_first_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    alarms: list[str | None] = []
    trouble = AlarmLatch(Alarm.ARCHIVE, lambda _name, text: alarms.append(text))
    for text in (
        "disk full, 3 left out",
        "disk full, 4 left out",
        "may not be written",
        "disk full, 5 left out",
    ):
        trouble.begins(text)
    trouble.ends("room")
    trouble.begins("disk full, 1 left out")
    assert alarms == ["disk full, 3 left out", None, "disk full, 1 left out"]
    assert [record.getMessage() for record in caplog.records] == [
        "disk full, 3 left out", "may not be written", "room", "disk full, 1 left out"
    ]  # fmt: skip
