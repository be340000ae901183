"""Readings of a station at one moment, whoever reads them; docs/reference/statistics.md names all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from edge.core.measure import Meaning, Measure, counter, gauge
from edge.core.state import State
from edge.outputs.statistics import StationStatistics

THERMAL = Path("/sys/class/thermal")


@dataclass(frozen=True)
class Latencies:
    """``counts``: how many were at most each of Statistics' LATENCY_BOUNDS_MS, the last of all; their sum."""

    counts: list[int]
    sum_ms: float


@dataclass(frozen=True)
class Readings:
    """Readings of a station at one moment, beside its statistics."""

    statistics: StationStatistics
    station: Annotated[Mapping[str, str], Meaning("what decides here")]
    state: Annotated[State, Meaning("1 for the state that it is in")]
    latency_seconds: Annotated[
        Latencies, Measure("from the trigger, or the capture, to the decision", "histogram", "seconds")
    ]
    frame_age_seconds: Annotated[float | None, gauge("seconds", "since the latest frame was taken")] = None
    camera_openings: Annotated[int, counter("", "how often the camera was opened")] = 0
    broker_connected: Annotated[bool, gauge("", "1 with a broker")] = False
    broker_connections: Annotated[int, counter("", "how often the broker accepted it")] = 0
    temperature_celsius: Annotated[
        Mapping[tuple[str, ...], float],
        gauge("degrees Celsius", "of each thermal zone of the device", "zone", "kind"),
    ] = field(default_factory=dict)


def temperatures(folder: Path = THERMAL) -> dict[tuple[str, ...], float]:
    """Degrees Celsius of every thermal zone that can be read now, by its name and kind."""
    found: dict[tuple[str, ...], float] = {}
    for zone in sorted(folder.glob("thermal_zone*")):
        try:
            degrees = int((zone / "temp").read_text()) / 1000
            found[zone.name, (zone / "type").read_text().strip()] = degrees
        except (OSError, ValueError):
            continue  # a sensor that sleeps
    return found


def metric_name(path: tuple[str, ...]) -> str:
    """The name of a measure of Readings for Prometheus, which appends _total to that of a counter."""
    names = path[1:] if path[0] == "statistics" else path
    return "_".join(("linegate", *names))
