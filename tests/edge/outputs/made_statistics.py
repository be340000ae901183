"""Statistics to show: every count is another number."""

from typing import Any

from edge.outputs.statistics import ShadowStatistics, StationStatistics
from edge.records.archive import ArchiveStatistics


def statistics(**changes: Any) -> StationStatistics:
    """Statistics of a station with an archive and a shadow."""
    values: dict[str, Any] = {
        "inspected": 10, "frames_dropped": 6, "commands_sent": 1, "commands_unsent": 2, "parts_in_flight": 3,
        "parts_too_close": 4, "parts_too_many": 5, "passes_not_withheld": 7, "rejects_unconfirmed": 8,
        "bin_unexpected": 9, "messages_refused": 11, "outbox": 12, "records_dropped": 13,
        "records_unwritten": 14, "written_bytes_hour": 15,
        "verdicts": {"ok": 7, "defect": 2, "unsure": 0, "fault": 1},
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": None},
        "alarms": ["camera", "disk"],
        "archive": ArchiveStatistics(written=16, dropped=17, bytes=18),
        "shadow": ShadowStatistics("abc", scored=19, disagreed=20, dropped=21, pairs={"ok/ok": 22}),
    }  # fmt: skip
    return StationStatistics(**{**values, **changes})
