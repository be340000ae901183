"""Counts since the start."""

from datetime import UTC, datetime

import numpy as np

from edge.decision import Verdict
from edge.frame import Frame
from edge.inspector import Inspection
from edge.statistics import LATENCY_BOUNDS_MS, Statistics


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
