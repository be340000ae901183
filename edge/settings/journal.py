"""[journal]: the record of every inspection."""

from pydantic import Field

from edge.core.allowed import SHIFTS
from edge.settings.section import PathText, Section


class JournalSettings(Section):
    """The record of every inspection, from which verdicts are sent."""

    path: PathText = Field("state/journal.sqlite", min_length=1, description="the SQLite file")
    max_rows: int = Field(
        1_000_000, ge=1000, description="the oldest inspections beyond this are deleted; about 1 kB each"
    )
    max_days: int = Field(
        365,
        ge=0,
        le=36500,
        description="older inspections are deleted, if they were sent; 0: never",
    )
    queue: int = Field(
        10_000, ge=1, le=1_000_000, description="inspections that wait in memory while the disk fails"
    )
    batch_ms: int = Field(
        0,
        ge=0,
        le=1000,
        description="wait so long to write several at once: spares an SD card, delays verdicts, and a killed "
        "process loses what waits",
    )
    sync_ms: int = Field(
        500, ge=50, le=60000, description="how often the disk is made to keep them: what a power cut may cost"
    )
    shifts: str = Field(
        "06:00 14:00 22:00",
        pattern=SHIFTS,
        description="when shifts begin, in local time, for `edge --counts`",
    )
