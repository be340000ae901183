"""Parts that a message or an input line announces, and which frame is of which."""

from hypothesis import given
from hypothesis import strategies as st

from edge.trigger.external import WAITING, ExternalTrigger
from edge.trigger.trigger import PartContext
from tests.edge.trigger.observers import NotingObserver, frame


def listening(
    *, delay_s: float = 0.0, timeout_s: float = 0.2, frames: int = 1
) -> tuple[ExternalTrigger[PartContext], NotingObserver]:
    observer = NotingObserver()
    trigger = ExternalTrigger(observer, delay_s=delay_s, timeout_s=timeout_s, frames=frames)
    trigger.hear(None, 0.0)
    trigger.begin(0.0)
    return trigger, observer


def taken(trigger: ExternalTrigger[PartContext], *captured: float) -> list[tuple[str, float | None, bool]]:
    looked_at = [one for at in captured for one in trigger.take(frame(at))]
    return [(k.context.part, k.frame.captured if k.frame else None, k.is_last) for k in looked_at]


def test_a_part_gets_the_first_frame_captured_after_its_trigger_and_never_a_buffered_one() -> None:
    trigger, _ = listening()
    trigger.announce("a", 1.0)
    assert taken(trigger, 0.9, 0.99, 1.01, 1.05) == [("a", 1.01, True)]


def test_the_way_to_the_camera_and_the_exposure_are_waited_for() -> None:
    trigger, _ = listening(delay_s=0.04)
    trigger.announce("a", 1.0)
    assert taken(trigger, 1.03, 1.05) == [("a", 1.05, True)]


def test_several_frames_of_a_part_can_vote() -> None:
    trigger, _ = listening(frames=3)
    trigger.announce("a", 1.0)
    seen = taken(trigger, 1.01, 1.02, 1.03, 1.04)
    assert seen == [("a", 1.01, False), ("a", 1.02, False), ("a", 1.03, True)]


def test_a_frame_is_of_the_last_part_before_it_and_a_part_passed_over_gets_none() -> None:
    trigger, _ = listening()
    trigger.announce("a", 1.0)
    trigger.announce("b", 1.05)
    assert taken(trigger, 1.06, 1.07) == [("a", None, True), ("b", 1.06, True)]


def test_a_part_without_a_frame_in_time_is_given_up_once() -> None:
    trigger, _ = listening(delay_s=0.1, timeout_s=0.2)
    trigger.announce("a", 1.0)
    assert trigger.overdue(1.29) == []
    assert [(one.context.part, one.frame) for one in trigger.overdue(1.31)] == [("a", None)]
    assert trigger.overdue(1.4) == []
    assert taken(trigger, 1.41) == []


def test_a_part_that_has_not_all_of_its_frames_in_time_is_a_fault() -> None:
    trigger, observer = listening(timeout_s=0.2, frames=3)
    trigger.announce("a", 1.0)
    assert taken(trigger, 1.01, 1.02, 1.3) == [("a", 1.01, False), ("a", 1.02, False), ("a", None, True)]
    assert observer.contexts[0].trouble == "only 2 of 3 frames of this part came in time"


def test_a_late_frame_is_not_taken_for_the_part() -> None:
    trigger, _ = listening(timeout_s=0.2)
    trigger.announce("a", 1.0)
    assert taken(trigger, 1.21) == [("a", None, True)]


def test_frames_between_parts_are_nobodys() -> None:
    trigger, _ = listening()
    assert taken(trigger, 1.0, 2.0) == []


def test_while_triggers_cannot_be_heard_parts_go_by_unseen() -> None:
    trigger, observer = listening()
    trigger.hear("no broker", 3.0)
    assert trigger.trouble == "no broker"
    trigger.hear("still none", 4.0)
    trigger.hear(None, 5.0)
    trigger.end(6.0)
    trigger.hear("none again", 7.0)
    trigger.begin(8.0)
    trigger.hear(None, 9.0)
    assert observer.watched == [
        ("watch", 0.0), ("unwatch", 3.0), ("watch", 5.0), ("unwatch", 6.0), ("watch", 9.0)
    ]  # fmt: skip


def test_a_flood_of_triggers_is_bounded_and_each_is_known_to_the_gate() -> None:
    trigger, observer = listening()
    heard = [trigger.announce(str(number), 1.0) for number in range(WAITING + 5)]
    assert heard == [True] * WAITING + [False] * 5
    assert len(observer.contexts) == WAITING + 5


@given(
    st.lists(st.floats(0, 5), max_size=12).map(sorted),
    st.lists(st.floats(0, 6), max_size=30).map(sorted),
    st.integers(1, 3),
)
def test_every_part_ends_once_and_every_frame_is_of_one_part_after_its_trigger(
    triggers: list[float], frames: list[float], votes: int
) -> None:
    trigger, observer = listening(delay_s=0.05, timeout_s=0.5, frames=votes)
    looked_at, waiting = [], list(triggers)
    for at in frames:
        while waiting and waiting[0] <= at:
            trigger.announce(None, waiting.pop(0))
        looked_at += trigger.take(frame(at))
    for at in waiting:
        trigger.announce(None, at)
    looked_at += trigger.overdue(100.0)
    ends = [one.context.number for one in looked_at if one.is_last]
    assert sorted(ends) == list(range(len(observer.contexts)))
    given_frames = [id(one.frame) for one in looked_at if one.frame is not None]
    assert len(given_frames) == len(set(given_frames))
    assert all(0.05 - 1e-9 <= k.frame.captured - k.context.seen <= 0.55 + 1e-9 for k in looked_at if k.frame)
