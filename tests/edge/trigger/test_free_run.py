"""Every frame is a part."""

import pytest

from edge.trigger.free_run import FreeRun
from tests.edge.trigger.observers import NotingObserver, frame


def test_each_frame_is_one_part_seen_when_it_was_captured() -> None:
    observer = NotingObserver()
    trigger = FreeRun(observer, half_gap_s=0.01)
    looked_at = [one for number in range(3) for one in trigger.take(frame(number / 10, number))]
    assert [context.seen for context in observer.contexts] == [0.0, 0.1, 0.2]
    assert [one.context for one in looked_at] == observer.contexts
    assert all(one.is_last for one in looked_at)
    assert observer.watched == [("watch", -0.01)]


def test_a_frame_that_is_missing_is_a_part_that_nobody_saw() -> None:
    observer = NotingObserver()
    trigger = FreeRun(observer, half_gap_s=0.01)
    for number, sequence in enumerate((0, 1, 3)):
        trigger.take(frame(number / 10, sequence))
    assert [what for what, _ in observer.watched] == ["watch", "unwatch", "watch"]
    assert [at for _, at in observer.watched[1:]] == pytest.approx([0.11, 0.19])


def test_without_a_camera_nobody_looks_until_the_next_frame() -> None:
    observer = NotingObserver()
    trigger = FreeRun(observer, half_gap_s=0.0)
    trigger.take(frame(1.0, 0))
    trigger.interrupt()
    trigger.interrupt()
    trigger.take(frame(5.0, 1))
    assert observer.watched == [("watch", 1.0), ("unwatch", 1.0), ("watch", 5.0)]
