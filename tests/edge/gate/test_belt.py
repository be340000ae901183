"""Where a belt is, by time or by an encoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.belt import CountedBelt, TimedBelt


def test_a_steady_belt_moves_a_millisecond_a_millisecond() -> None:
    belt = TimedBelt(10.0)
    assert belt.place(10.5) == pytest.approx(500)
    assert belt.place(9.5) == pytest.approx(-500)
    assert belt.arrival(2000, 10.5) == pytest.approx(12.0)


def test_nothing_arrives_while_the_belt_stands_or_goes_back() -> None:
    belt = TimedBelt(0.0)
    belt.move("stopped", 1.0)
    assert belt.place(5.0) == pytest.approx(1000)
    assert belt.arrival(2000, 5.0) is None
    belt.move("reverse", 5.0)
    assert belt.place(5.25) == pytest.approx(750)
    assert belt.arrival(2000, 5.25) is None
    belt.move("forward", 5.5)
    assert belt.arrival(1000, 5.5) == pytest.approx(6.0)
    assert belt.place(0.5) == pytest.approx(500), "what was is not forgotten"


@given(st.lists(st.tuples(st.sampled_from(["forward", "stopped", "reverse"]), st.floats(0, 1)), max_size=60))
def test_the_belt_is_where_its_moves_brought_it(moves: list[tuple[str, float]]) -> None:
    belt, now, place, speed = TimedBelt(0.0), 0.0, 0.0, 1000.0
    for direction, seconds in moves:
        now += seconds
        place += speed * seconds
        belt.move(direction, now)  # type: ignore[arg-type]
        speed = {"forward": 1000.0, "stopped": 0.0, "reverse": -1000.0}[direction]
    assert belt.place(now) == pytest.approx(place, abs=1e-6)


def counted(*samples: tuple[float, int]) -> CountedBelt:
    belt = CountedBelt(silence_s=0.1, most_per_s=10000)
    for at, count in samples:
        belt.count(count, at)
    return belt


def test_an_encoder_says_the_place_then_and_now_and_when_one_is_reached() -> None:
    belt = counted(*((n / 100, n * 10) for n in range(20)))  # 1000 counts a second
    assert belt.place(0.105) == pytest.approx(105)
    assert belt.place(0.195) == pytest.approx(195)
    assert belt.arrival(300, 0.195) == pytest.approx(0.3)


def test_an_encoder_that_stands_brings_nothing() -> None:
    belt = counted(*((n / 100, min(n, 10) * 10) for n in range(20)))
    assert belt.place(0.25) == 100
    assert belt.arrival(300, 0.195) is None


def test_an_encoder_that_goes_back_brings_nothing() -> None:
    belt = counted((0, 100), (0.01, 110), (0.02, 100), (0.03, 80))
    assert belt.arrival(300, 0.03) is None
    assert belt.place(0.03) == 80


@pytest.mark.parametrize("reading", [(0.02, 100000), (0.02, -100000), (0.2, 30)])
def test_a_jump_or_a_silence_means_that_nobody_knows(reading: tuple[float, int]) -> None:
    at, count = reading
    belt = counted((0, 10), (0.01, 20))
    assert not belt.is_silent(0.05)
    assert not belt.count(count, at)
    assert belt.is_silent(at), "one count says where the belt is, and not how fast it goes"
    assert belt.count(count + 10, at + 0.01)
    assert not belt.is_silent(at + 0.01)


def test_an_encoder_is_silent_from_the_start() -> None:
    assert counted().is_silent(0.0)
    assert counted((0, 5), (0.01, 6)).is_silent(0.2)
