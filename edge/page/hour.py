"""The last hour in figures, and the reject rate in its control limits. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.alarms.rejects import control_limits
from edge.core.tail_probabilities import KnownShare
from edge.records.history import Glance

HOUR_S = 3600.0
STEPS = 12
_SHORTEST_STEP_S = 10.0
BEYOND = 0.0027  # chance that a point is while nothing changes: that of three standard deviations
_FEWEST = 20  # parts of a step; of fewer no rate is said


@dataclass(frozen=True)
class Step:
    """Some minutes: ``start`` in wall-clock seconds, shares of parts that were rejected, and its limits."""

    start: float
    end: float
    parts: int
    rejected: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The share that was rejected."""
        return self.rejected / self.parts

    @property
    def is_out(self) -> bool:
        """True if it is beyond its limits."""
        return not self.low <= self.rate <= self.high


@dataclass(frozen=True)
class Hour:
    """The last hour, or as much of it as there was; times in wall-clock seconds, latencies in ms."""

    start: float
    end: float
    parts: int
    rejected: int
    verdicts: dict[str, int]
    latency_ms: dict[str, float] | None
    steps: tuple[Step, ...]

    @property
    def rate(self) -> float | None:
        """The share that was rejected."""
        return self.rejected / self.parts if self.parts else None


def hour_of(glances: Sequence[Glance], now: float) -> Hour:
    """The hour before ``now``, in wall-clock seconds; what lies outside of it is left out."""
    within = [glance for glance in glances if now - HOUR_S <= glance.recorded <= now]
    start = within[0].recorded if within else now - HOUR_S
    rejected = sum(glance.action == "reject" for glance in within)
    latencies = [glance.latency_ms for glance in within if glance.latency_ms is not None]
    return Hour(
        start=start,
        end=now,
        parts=len(within),
        rejected=rejected,
        verdicts=dict(Counter(glance.verdict for glance in within)),
        latency_ms=_percentiles(latencies) if latencies else None,
        steps=_steps(within, now, rejected / len(within)) if within else (),
    )


def _percentiles(latencies: Sequence[float]) -> dict[str, float]:
    found = np.percentile(latencies, [50, 95, 99])
    return {name: float(value) for name, value in zip(("p50", "p95", "p99"), found, strict=True)}


def _steps(glances: Sequence[Glance], end: float, usual: float) -> tuple[Step, ...]:
    start = glances[0].recorded
    length = max((end - start) / STEPS, _SHORTEST_STEP_S)
    parts: Counter[int] = Counter()
    rejects: Counter[int] = Counter()
    for glance in glances:
        number = int((glance.recorded - start) // length)
        parts[number] += 1
        rejects[number] += glance.action == "reject"
    steps = []
    for number, count in sorted(parts.items()):
        if count >= _FEWEST:
            least, most = control_limits(KnownShare(usual), count, BEYOND)
            limits = max(0, least) / count, min(count, most) / count
            begun = start + number * length
            steps.append(Step(begun, min(end, begun + length), count, rejects[number], *limits))
    return tuple(steps)
