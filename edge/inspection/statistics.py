"""Counts and latencies since the start."""

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from itertools import accumulate

from edge.core.decision import Verdict
from edge.inspection.inspector import Inspection

KEPT_LATENCIES = 10_000
LATENCY_BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least ``share`` of the values do not exceed; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def latency_summary(values: Sequence[float]) -> dict[str, float | None]:
    """Return the median, 95th and 99th percentile of latencies, in milliseconds."""
    rounded = {
        name: percentile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    }
    return {name: None if value is None else round(value, 3) for name, value in rounded.items()}


class Statistics:
    """Counts by verdict, recent latencies and gate commands. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._verdicts: Counter[Verdict] = Counter()
        self._latencies: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self._buckets = [0] * (len(LATENCY_BOUNDS_MS) + 1)
        self._latency_sum_ms = 0.0
        self.commands_sent = 0
        self.commands_missed = 0

    def add(self, inspection: Inspection) -> None:
        """Count one inspection."""
        with self._lock:
            self._verdicts[inspection.verdict] += 1
            if inspection.latency_ms is not None:
                self._latencies.append(inspection.latency_ms)
                self._buckets[bisect_left(LATENCY_BOUNDS_MS, inspection.latency_ms)] += 1
                self._latency_sum_ms += inspection.latency_ms

    def command_sent(self) -> None:
        """Count one command sent to the gate."""
        with self._lock:
            self.commands_sent += 1

    def command_refused(self) -> None:
        """Uncount a command that was not sent after all; the gate counts it if it never is."""
        with self._lock:
            self.commands_sent -= 1

    def commands_came_to_nothing(self, count: int) -> None:
        """Count commands as missed that were counted as sent."""
        with self._lock:
            self.commands_sent -= count
            self.commands_missed += count

    @property
    def inspected(self) -> int:
        """Number of inspections."""
        with self._lock:
            return self._verdicts.total()

    def verdicts(self) -> dict[str, int]:
        """Return the count of each verdict."""
        with self._lock:
            return {verdict.value: self._verdicts[verdict] for verdict in Verdict}

    def latency_ms(self) -> dict[str, float | None]:
        """Return percentiles over the latest 10,000 inspections, in milliseconds."""
        with self._lock:
            values = list(self._latencies)
        return latency_summary(values)

    def latency_buckets(self) -> tuple[list[int], float]:
        """Return cumulative counts up to each of LATENCY_BOUNDS_MS and beyond, and the sum in ms."""
        with self._lock:
            return list(accumulate(self._buckets)), self._latency_sum_ms
