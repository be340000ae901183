"""Disk and clock."""

from edge.alarms.system_checks import ClockCheck, DiskCheck


def test_a_disk_is_nearly_full_until_a_fifth_more_is_free() -> None:
    disk = DiskCheck(500e6)
    free = [600, 501, 499, 501, 599, 601]
    found = [disk.trouble({"/state": count * 10**6}) for count in free]
    assert [trouble is not None for trouble in found] == [False, False, True, True, True, False]
    assert found[2] == "/state: 499 MB free (alarms.disk_free_mb)"


def test_the_disk_of_one_folder_is_enough() -> None:
    disk = DiskCheck(500e6)
    assert str(disk.trouble({"/a": 10**9, "/b": 1})).startswith("/b: ")


def test_a_clock_may_take_its_time_after_a_start() -> None:
    clock = ClockCheck(300)
    assert [clock.trouble(False, now) is not None for now in (0.0, 299.0, 300.0)] == [False, False, True]
    assert clock.trouble(True, 310.0) is None
    assert clock.trouble(False, 320.0) is None


def test_where_nobody_can_tell_the_clock_is_no_trouble() -> None:
    clock = ClockCheck(300)
    assert [clock.trouble(None, now) for now in (0.0, 1000.0)] == [None, None]
