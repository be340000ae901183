"""Frames out of a buffer never look fresh."""

import pytest

from edge.camera.freshness import ArrivalClock, DriverClock, StampClock, SteadyClock


def running(*, until: float, interval: float = 0.05) -> tuple[SteadyClock, float]:
    clock, now = SteadyClock(), 0.0
    while now < until:
        clock.taken(now, 0)
        now += interval
    return clock, now


def test_a_frame_that_comes_at_its_time_was_taken_when_it_came() -> None:
    clock, now = running(until=2)
    assert clock.taken(now + 0.01, 0) == pytest.approx(now + 0.01)


def test_the_frames_of_a_burst_after_a_gap_were_taken_about_an_interval_apart() -> None:
    clock, now = running(until=2)
    ages = [now + 1 + 0.001 * k - clock.taken(now + 1 + 0.001 * k, 0) for k in range(10)]
    really = [1 - 0.049 * k for k in range(10)]
    assert all(0.75 * truth <= age <= truth for age, truth in zip(ages, really, strict=True))


def test_frames_that_come_in_pairs_stay_fresh() -> None:
    clock = SteadyClock()
    arrivals = [pair * 0.1 + late for pair in range(1000) for late in (0, 0.0001)]
    ages = [arrived - clock.taken(arrived, 0) for arrived in arrivals]
    assert max(ages[100:]) < 0.1


def test_after_a_burst_frames_are_fresh_again() -> None:
    clock, now = running(until=2)
    for k in range(20):
        clock.taken(now + 1 + 0.001 * k, 0)
    assert clock.taken(now + 1.07, 0) == pytest.approx(now + 1.07)


def test_a_frame_was_never_taken_after_it_came() -> None:
    clock, now = running(until=2)
    assert clock.taken(now + 0.0001, 0) <= now + 0.0001


def test_a_new_rate_is_learnt() -> None:
    clock, now = running(until=2)
    for _ in range(20):
        now += 0.3
        taken = clock.taken(now, 0)
    assert taken == pytest.approx(now)


def test_a_faster_rate_is_learnt_too() -> None:
    clock, now = running(until=2, interval=0.2)
    for _ in range(30):
        now += 0.02
        clock.taken(now, 0)
    assert now + 1 - clock.taken(now + 1, 0) == pytest.approx(0.975)
    assert now + 1.001 - clock.taken(now + 1.001, 0) == pytest.approx(0.951)


def test_a_triggered_source_has_no_rate_to_judge_by() -> None:
    clock = ArrivalClock()
    assert [clock.taken(arrived, 0) for arrived in (1.0, 1.01, 9.0)] == [1.0, 1.01, 9.0]


def test_a_stamp_of_the_driver_counts_if_it_can_be_monotonic_time() -> None:
    clock = DriverClock()
    assert clock.taken(100.0, 99.5) == 99.5
    assert clock.taken(100.0, 0.0) == 100.0
    assert clock.taken(100.0, 1.7e9) == 100.0


def test_a_link_that_gets_slower_makes_frames_older_by_what_it_holds_them_up() -> None:
    clock = StampClock()
    for number in range(100):
        assert clock.taken(50 + number * 0.05, number * 0.05) == pytest.approx(50 + number * 0.05)
    ages = []
    for number in range(100, 200):
        arrived = 55 + (number - 100) * 0.1  # half as fast as they are taken
        ages.append(arrived - clock.taken(arrived, number * 0.05))
    assert ages == pytest.approx([0.05 * k for k in range(100)], abs=0.01)


def test_clocks_that_run_apart_a_little_do_not_make_frames_old() -> None:
    clock, oldest = StampClock(), 0.0
    for second in range(100_000):
        arrived = 50 + second * 1.0001
        oldest = max(oldest, arrived - clock.taken(arrived, float(second)))
    assert oldest < 0.001


def test_a_camera_whose_clock_was_set_is_believed_again() -> None:
    clock = StampClock()
    clock.taken(100.0, 50.0)
    assert clock.taken(101.0, 3.0) == pytest.approx(101.0)
    assert clock.taken(102.0, 4000.0) == pytest.approx(102.0)
    assert clock.taken(103.0, 4001.0) == pytest.approx(103.0)
