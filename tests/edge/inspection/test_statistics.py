"""Counts since the start."""

import threading
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.inspection.inspector import Inspection
from edge.inspection.statistics import LATENCY_BOUNDS_MS, Statistics


def inspection(latency_ms: float) -> Inspection:
    frame = Frame(np.zeros((1, 1), np.uint8), 0, captured=0.0, captured_at=datetime.now(UTC))
    return Inspection(frame, Verdict.OK, 0.0, "ok", latency_ms=latency_ms)


def test_latencies_are_counted_up_to_each_bound() -> None:
    statistics = Statistics()
    for latency in (0.5, 1.0, 1.5, 9000.0):
        statistics.add(inspection(latency))
    counts, sum_ms = statistics.latency_buckets()
    assert counts[:2] == [2, 3]
    assert counts[-2:] == [3, 4]
    assert len(counts) == len(LATENCY_BOUNDS_MS) + 1
    assert sum_ms == 9003.0


class Slow(int):
    """A count between whose reading and writing the other thread is let in."""

    meeting = threading.Barrier(2)

    def __add__(self, other: int) -> int:
        with suppress(threading.BrokenBarrierError):
            self.meeting.wait(0.2)
        return int(self) + other


def test_commands_that_two_threads_send_at_once_are_both_counted() -> None:
    statistics = Statistics()
    statistics.commands_sent = Slow()
    threads = [threading.Thread(target=statistics.command_sent) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statistics.commands_sent == 2
    statistics.commands_came_to_nothing(2)
    assert (statistics.commands_sent, statistics.commands_missed) == (0, 2)
