"""What a station shows of itself at one moment, whoever reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.core.state import State


@dataclass(frozen=True)
class Readings:
    """What a station shows at one moment.

    ``counts`` has the numbers of …/stats, at most some seconds old; ``latency_buckets`` and
    ``latency_sum_ms`` are those of Statistics; ``frame_age_s`` says how long ago the latest frame was taken.
    """

    info: Mapping[str, str]
    state: State
    verdicts: Mapping[str, int]
    latency_buckets: list[int]
    latency_sum_ms: float
    frame_age_s: float | None = None
    camera_openings: int = 0
    broker_connected: bool = False
    broker_connections: int = 0
    counts: Mapping[str, float] = field(default_factory=dict)


_SHOWN_OTHERWISE = ("inspected", "verdicts", "latency_ms")


def numbers(counts: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of …/stats by name, those of a part of it as part_name; a list counts as its length.

    What has a verdict for a name, in a part of a part, is left out.
    """
    found: dict[str, float] = {}
    for key, value in counts.items():
        if key in _SHOWN_OTHERWISE:
            continue
        if isinstance(value, Mapping):
            found |= {f"{key}_{name}": n for name, n in value.items() if isinstance(n, int | float)}
        elif isinstance(value, list):
            found[key] = len(value)
        elif isinstance(value, int | float):
            found[key] = value
    return found
