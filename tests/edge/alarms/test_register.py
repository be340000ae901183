"""Each alarm is raised once and cleared once."""

from edge.alarms.register import Change, Register
from edge.settings.alarms import Alarm


def told(register: Register, *moments: tuple[float, str | None]) -> list[tuple[float, bool]]:
    """When "disk" was raised (True) or cleared, if this is what is told of it."""
    changes = []
    for now, trouble in moments:
        register.tell(Alarm.DISK, trouble, now)
        changes += [(now, change.raised) for change in register.step(now)]
    return changes


def test_a_trouble_that_lasts_is_one_alarm() -> None:
    register = Register(clear_s=10)
    moments: list[tuple[float, str | None]] = [(float(second), "full") for second in range(100)]
    assert told(register, *moments) == [(0.0, True)]
    assert register.raised == ["disk"]


def test_it_is_cleared_once_its_cause_has_been_gone_for_the_time_set() -> None:
    register = Register(clear_s=10)
    gone = [(float(second), None) for second in range(5, 40)]
    assert told(register, (0.0, "full"), *gone) == [(0.0, True), (15.0, False)]
    assert register.raised == []


def test_a_trouble_that_comes_and_goes_is_one_alarm() -> None:
    register = Register(clear_s=10)
    flapping = [(float(second), "full" if second % 6 == 0 else None) for second in range(100)]
    assert told(register, *flapping) == [(0.0, True)]


def test_a_trouble_that_was_over_before_anybody_looked_is_not_lost() -> None:
    register = Register(clear_s=0)
    register.tell(Alarm.BIN, "a part is missing", 1.0, part="A-1")
    register.tell(Alarm.BIN, None, 1.0)
    assert register.step(1.0) == [
        Change(Alarm.BIN, "a part is missing", "A-1", 1, raised=True),
        Change(Alarm.BIN, "over: a part is missing", None, 1, raised=False),
    ]


def test_each_raising_is_counted() -> None:
    register = Register(clear_s=0)
    for _ in range(3):
        register.tell(Alarm.BIN, "a part is missing", 0.0)
        register.tell(Alarm.BIN, None, 0.0)
        times = [change.times for change in register.step(0.0)]
    assert times == [3, 3]


def test_at_the_end_all_are_cleared() -> None:
    register = Register(clear_s=10)
    register.tell(Alarm.DISK, "full", 0.0)
    register.tell(Alarm.CLOCK, "not synchronised", 0.0)
    register.step(0.0)
    assert [(change.alarm, change.raised) for change in register.end()] == [("disk", False), ("clock", False)]
    assert register.end() == []
