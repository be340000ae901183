"""The statistics of a station; `…/stats`, the metrics and docs/reference/statistics.md are made from them."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, get_type_hints

from edge.core.measure import Meaning, Measure, counter, gauge
from edge.records.archive import ArchiveStatistics


@dataclass(frozen=True)
class ShadowStatistics:
    """Decisions that a second bundle would have made, since it was loaded."""

    bundle_sha256: str
    scored: Annotated[int, counter("parts", "parts that it was shown since it was loaded")]
    disagreed: Annotated[int, counter("parts", "parts for which it has another verdict")]
    dropped: Annotated[int, counter("parts", "parts that there was no time for")]
    pairs: Annotated[
        dict[str, int],
        counter("parts", "counts of both verdicts, as ok/defect; the gate's first", "verdicts"),
    ]


@dataclass(frozen=True)
class StationStatistics:
    """Counts since the start, and levels of now."""

    inspected: Annotated[int, counter("parts", "inspected parts")]
    verdicts: Annotated[Mapping[str, int], counter("parts", "inspected parts by verdict", "verdict")]
    latency_ms: Annotated[
        Mapping[str, float | None],
        Measure(
            "from the trigger, or the capture, to the decision; p50, p95, p99 of the latest 10000 parts",
            "summary",
            "milliseconds",
        ),
    ]
    frames_dropped: Annotated[int, counter("frames", "frames that inspection was too slow for")]
    commands_sent: Annotated[int, counter("commands", "commands that the gate was given")]
    commands_unsent: Annotated[int, counter("commands", "commands dropped: no broker, or too late")]
    parts_in_flight: Annotated[int, gauge("parts", "parts between camera and ejector")]
    parts_too_close: Annotated[int, counter("parts", "parts closer together than the gate can tell apart")]
    parts_too_many: Annotated[int, counter("parts", "parts beyond gate.max_parts, rejected unseen")]
    passes_not_withheld: Annotated[
        int, counter("commands", "passes that were sent before another part followed too closely")
    ]
    rejects_unconfirmed: Annotated[
        int, counter("parts", "rejected parts that were not seen in the bin in time")
    ]
    bin_unexpected: Annotated[int, counter("parts", "parts in the bin, though nothing was rejected")]
    messages_refused: Annotated[
        int, counter("messages", "messages refused, on trigger, command and the like")
    ]
    alarms: Annotated[list[str], gauge("alarms", "alarms that are raised now")]
    outbox: Annotated[int, gauge("verdicts", "verdicts that the broker has not acknowledged yet")]
    records_dropped: Annotated[int, counter("verdicts", "verdicts deleted unsent, at journal.max_rows")]
    records_unwritten: Annotated[
        int, counter("inspections", "inspections lost, for the journal could not be written")
    ]
    written_bytes_hour: Annotated[
        int | None,
        gauge(
            "bytes", "bytes given to the disk in the last hour, or since the start; null: not counted here"
        ),
    ]
    archive: Annotated[ArchiveStatistics | None, Meaning("null without archive.path")]
    shadow: Annotated[ShadowStatistics | None, Meaning("null without shadow.bundle")] = None


def statistics_fields() -> dict[str, Any]:
    """The fields of StationStatistics with what is said of each, as pydantic.create_model takes them."""
    hints = get_type_hints(StationStatistics, include_extras=True)
    return {
        field.name: (hints[field.name], ... if field.default is MISSING else field.default)
        for field in fields(StationStatistics)
    }
