"""Parts that the camera sees cross a line: each noticed once, none twice, none missed at the stated speed."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.images import Image
from edge.settings.trigger import LineCrossingSettings
from edge.trigger.line_crossing import LineCrossing
from edge.trigger.trigger import PartContext, PartFrame
from tests.edge.trigger.observers import NotingObserver, frame

WIDTH, HEIGHT, RADIUS = 160, 100, 28
BELT, METAL = 60, 150
LEARN = 5


class Film:
    """A belt with discs, filmed at 100 frames a second while it moves."""

    def __init__(self, *centres: float, seed: int = 1) -> None:
        self.centres = centres
        self._noise = np.random.default_rng(seed)

    def picture(self, moved: float, *, light: float = 1.0) -> Image:
        belt = np.full((HEIGHT, WIDTH), BELT, np.float32)
        for centre in self.centres:
            x = moved - centre
            if -RADIUS < x < WIDTH + RADIUS:
                cv2.circle(belt, (round(x * 16), HEIGHT // 2 * 16), RADIUS * 16, METAL, -1, cv2.LINE_AA, 4)
        noisy = belt * light + self._noise.normal(0, 4, belt.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)


def watching(**changes: Any) -> tuple[LineCrossing[PartContext], NotingObserver]:
    observer = NotingObserver()
    chosen = LineCrossingSettings.model_validate({"learn_frames": LEARN, **changes})
    return LineCrossing(observer, chosen), observer


def show(
    trigger: LineCrossing[PartContext], pictures: Iterable[Image], *, begin: float = 0.0
) -> list[PartFrame[PartContext]]:
    looked_at = []
    for number, picture in enumerate(pictures):
        looked_at += trigger.take(frame(begin + number / 100, number, picture))
    return looked_at


def ride(film: Film, speed: float, *, until: float) -> list[Image]:
    """Frames of an empty belt, and then of all that comes."""
    steps = int(until / speed)
    return [film.picture(-WIDTH) for _ in range(LEARN + 1)] + [film.picture(n * speed) for n in range(steps)]


def test_each_part_is_seen_once_in_the_frame_in_which_it_reached_the_line() -> None:
    trigger, observer = watching()
    looked_at = show(trigger, ride(Film(0, 90, 200), 5, until=600))
    assert len(observer.contexts) == 3
    assert len(looked_at) == 3
    for one in looked_at:
        assert one.frame is not None
        is_metal = cv2.GaussianBlur(one.frame.image, (0, 0), 2)[HEIGHT // 2] > 105
        edge = int(0.78 * WIDTH)
        assert is_metal[edge - 20 : edge - 8].all(), "wholly in view, up to the line at three quarters"
        assert not is_metal[edge + 6 : edge + 10].any(), "and not much further"


@pytest.mark.parametrize("direction", ["right", "left", "down", "up"])
def test_parts_may_come_from_any_side(direction: str) -> None:
    turned = {"right": 0, "down": 1, "left": 2, "up": 3}[direction]
    pictures = [np.ascontiguousarray(np.rot90(p, -turned)) for p in ride(Film(0, 90), 5, until=500)]
    trigger, observer = watching(direction=direction)
    show(trigger, pictures)
    assert len(observer.contexts) == 2


def test_round_parts_that_touch_are_two_by_the_narrow_place_between_them() -> None:
    trigger, observer = watching(covered_from=0.45, clear_at=0.3)
    show(trigger, ride(Film(0, 2 * RADIUS), 3, until=450))
    assert len(observer.contexts) == 2


def test_of_parts_that_cannot_be_told_apart_all_but_the_first_count_as_unseen() -> None:
    trigger, observer = watching(longest_ms=200)  # a single one takes 11 frames, of 10 ms each
    show(trigger, ride(Film(0, 2 * RADIUS, 3.5 * RADIUS), 5, until=450))
    (first,) = observer.contexts
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]
    assert observer.watched[1][1] == pytest.approx(first.seen + 0.2)
    assert observer.watched[2][1] > observer.watched[1][1] + 0.05


def test_a_part_that_stops_on_the_line_and_trembles_is_one() -> None:
    trigger, observer = watching()
    film = Film(0)
    chance = np.random.default_rng(3)
    at_line = 0.75 * WIDTH + RADIUS / 2
    there = ride(film, 4, until=at_line)
    stands = [film.picture(at_line + chance.uniform(-1, 1)) for _ in range(300)]
    goes_on = [film.picture(at_line + n * 4) for n in range(60)]
    show(trigger, [*there, *stands, *goes_on])
    assert len(observer.contexts) == 1


def test_a_part_that_trembles_on_the_edge_of_the_line_is_one() -> None:
    trigger, observer = watching()
    film, chance = Film(0), np.random.default_rng(3)
    edge = 0.75 * WIDTH - RADIUS + 2 * RADIUS
    show(trigger, [film.picture(-WIDTH) for _ in range(LEARN + 1)])
    show(trigger, [film.picture(edge - 30 + chance.uniform(-3, 3)) for _ in range(400)], begin=0.1)
    assert len(observer.contexts) <= 1


@pytest.mark.parametrize("to", [0.6, 1.5])
def test_light_that_changes_slowly_makes_no_parts_and_hides_none(to: float) -> None:
    trigger, observer = watching()
    empty = Film()
    show(trigger, [empty.picture(0, light=light) for light in np.linspace(1, to, 1500)])
    assert observer.contexts == []
    film = Film(0)
    show(trigger, [film.picture(n * 5, light=to) for n in range(80)], begin=15.0)
    assert len(observer.contexts) == 1


def test_light_may_change_while_a_part_stands_on_the_line() -> None:
    trigger, observer = watching(blocked_s=100)
    film = Film(0, 150)
    at_line = 0.75 * WIDTH + RADIUS / 2
    show(trigger, ride(film, 4, until=at_line))
    show(trigger, [film.picture(at_line, light=light) for light in np.linspace(1, 0.7, 1500)], begin=1.0)
    show(trigger, [film.picture(at_line + n * 4, light=0.7) for n in range(80)], begin=16.0)
    assert len(observer.contexts) == 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(14, 120), min_size=1, max_size=6), st.floats(2, 13), st.integers(0, 1000))
def test_at_the_stated_speed_none_is_missed_and_none_is_double(
    gaps: list[float], speed: float, seed: int
) -> None:
    """Gaps of at least 14 pixels, and at most 13 pixels from frame to frame."""
    centres = np.cumsum([2 * RADIUS + gap for gap in gaps])
    trigger, observer = watching()
    show(trigger, ride(Film(*centres, seed=seed), speed, until=float(centres[-1]) + 3 * WIDTH))
    assert len(observer.contexts) == len(gaps)


def test_more_frames_of_a_part_vote_while_it_is_on_the_line() -> None:
    trigger, observer = watching(frames=3)
    looked_at = show(trigger, ride(Film(0), 5, until=400))
    assert [(one.context, one.is_last) for one in looked_at] == [
        (observer.contexts[0], is_last) for is_last in (False, False, True)
    ]


def test_a_part_that_leaves_before_it_gave_all_its_frames_ends_with_those() -> None:
    trigger, _ = watching(frames=50)
    looked_at = show(trigger, ride(Film(0), 5, until=400))
    assert [one.is_last for one in looked_at] == [False] * (len(looked_at) - 1) + [True]
    assert 5 < len(looked_at) < 20
    assert looked_at[-1].frame is None


def test_it_looks_once_the_line_was_seen_empty_and_a_part_from_before_is_unseen() -> None:
    trigger, observer = watching()
    show(trigger, [Film().picture(0) for _ in range(LEARN + 1)])
    film = Film(0)
    trigger.interrupt()
    at_line = 0.75 * WIDTH + RADIUS / 2
    show(trigger, [film.picture(at_line + n * 5) for n in range(60)], begin=5.0)
    assert observer.contexts == []
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]
    assert observer.watched[1][1] == pytest.approx(LEARN / 100)
    assert observer.watched[2][1] > 5.02


def test_in_a_pause_between_frames_a_part_may_have_gone_by() -> None:
    trigger, observer = watching(max_pause_ms=50)
    show(trigger, [Film().picture(0) for _ in range(LEARN + 1)])
    show(trigger, [Film().picture(0)], begin=0.2)
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]
    assert [at for _, at in observer.watched[1:]] == pytest.approx([0.05, 0.2])


def test_what_stays_on_the_line_is_said_and_hides_parts() -> None:
    trigger, observer = watching(blocked_s=1)
    film, at_line = Film(0), 0.75 * WIDTH + RADIUS / 2
    show(trigger, [Film().picture(0) for _ in range(LEARN + 1)])
    show(trigger, [film.picture(at_line) for _ in range(150)], begin=0.06)
    assert "covered" in str(trigger.trouble)
    assert observer.watched[1][1] == pytest.approx(0.06)
    show(trigger, [Film().picture(0) for _ in range(2)], begin=1.56)
    assert trigger.trouble is None
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]


def test_after_a_new_lamp_it_can_learn_again() -> None:
    trigger, observer = watching(blocked_s=0.1)
    show(trigger, [Film().picture(0) for _ in range(LEARN + 1)])
    show(trigger, [Film().picture(0, light=2) for _ in range(50)], begin=0.06)
    assert "covered" in str(trigger.trouble)
    trigger.reset()
    show(trigger, [Film().picture(0, light=2) for _ in range(LEARN + 1)], begin=0.56)
    assert trigger.trouble is None
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]


def test_colour_frames_and_a_region_will_do() -> None:
    trigger, observer = watching(region={"x": 0, "y": 10, "width": 160, "height": 80})
    show(trigger, [np.repeat(p[..., np.newaxis], 3, axis=2) for p in ride(Film(0, 90), 5, until=500)])
    assert len(observer.contexts) == 2


def test_a_region_beyond_the_picture_is_said_and_nothing_counts_as_seen() -> None:
    trigger, observer = watching(region={"x": 100, "y": 0, "width": 100, "height": 80})
    assert show(trigger, ride(Film(0), 5, until=300)) == []
    assert trigger.trouble == "trigger.region: reaches beyond the picture"
    assert observer.watched == []


def test_a_spoiled_frame_is_no_part_and_what_went_by_in_it_counts_as_unseen() -> None:
    trigger, observer = watching()
    show(trigger, ride(Film(), 5, until=100))
    black = replace(frame(1.0, 100, np.zeros((HEIGHT, WIDTH), np.uint8)), fault="the picture is black")
    assert trigger.take(black) == []
    assert [what for what, _ in observer.watched] == ["watch", "unwatch"]
    show(trigger, [Film().picture(0)] * 3, begin=1.01)
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]
    assert observer.contexts == []


def part_on_the_line(trigger: LineCrossing[PartContext], *, frames: int) -> tuple[Film, float]:
    """Lets a part give so many of its frames; returns the film and the time of the last frame."""
    show(trigger, [Film().picture(0) for _ in range(LEARN + 1)])
    film, at_line = Film(0), 0.75 * WIDTH + RADIUS / 2
    show(trigger, [film.picture(at_line) for _ in range(frames)], begin=(LEARN + 1) / 100)
    return film, (LEARN + frames) / 100


def test_a_part_with_a_spoiled_frame_among_its_frames_is_a_fault() -> None:
    trigger, observer = watching(frames=3)
    film, last = part_on_the_line(trigger, frames=1)
    picture = film.picture(0.75 * WIDTH + RADIUS / 2)
    looked_at = trigger.take(replace(frame(last + 0.01, 100, picture), fault="the picture is black"))
    (part,) = observer.contexts
    assert looked_at == [PartFrame(part, None)]
    assert part.trouble == "only 1 of 3 frames of this part are whole"
    assert show(trigger, [picture, picture], begin=last + 0.02) == []


def test_after_a_pause_a_frame_is_not_taken_for_the_part_from_before() -> None:
    trigger, observer = watching(frames=3, max_pause_ms=50)
    film, last = part_on_the_line(trigger, frames=1)
    looked_at = show(trigger, [film.picture(0.75 * WIDTH + RADIUS / 2)], begin=last + 0.1)
    (part,) = observer.contexts
    assert looked_at == [PartFrame(part, None)]
    assert part.trouble is not None


def test_a_part_that_the_camera_went_away_from_ends_as_a_fault() -> None:
    trigger, observer = watching(frames=3)
    part_on_the_line(trigger, frames=2)
    trigger.interrupt()
    (part,) = observer.contexts
    assert trigger.overdue(1.0) == [PartFrame(part, None)]
    assert part.trouble == "only 2 of 3 frames of this part are whole"
    assert trigger.overdue(1.0) == []
