"""[alarms]: what a person is told of, and from when on."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from edge.settings.section import Reloadable, Section


class Alarm(StrEnum):
    """Every alarm that there is; docs/reference/alarms.md says what each means."""

    REJECTS_IN_ROW = "rejects-in-row"
    REJECT_RATE = "reject-rate"
    SCORE_DRIFT = "score-drift"
    DISK = "disk"
    CLOCK = "clock"
    CAMERA = "camera"
    CAMERA_SETTINGS = "camera-settings"
    GATE = "gate"
    BIN = "bin"
    BUNDLE = "bundle"
    PINS = "pins"
    MODBUS = "modbus"
    JOURNAL = "journal"
    JOURNAL_FULL = "journal-full"
    JOURNAL_REPLACED = "journal-replaced"
    ARCHIVE = "archive"
    ARCHIVE_SLOW = "archive-slow"
    BROKER = "broker"
    OUTBOX = "outbox"


class AlarmSettings(Section):
    """Conditions that a person should know of; docs/reference/alarms.md has each of them."""

    clear_s: float = Field(
        10.0, ge=0, le=3600, description="an alarm is cleared when its cause has been gone for so long"
    )
    rejects_in_row: Reloadable[int] = Field(
        10, ge=0, le=10000, description="raised: so many parts in a row were rejected; 0 is off"
    )
    rate_window: Reloadable[int] = Field(
        200, ge=0, le=10000, description="rejects are counted over so many parts; 0 is off"
    )
    rate_expected: Reloadable[float | None] = Field(
        None, ge=0, le=1, description="share of rejects to expect; none learns it from the first parts"
    )
    rate_learn: Reloadable[int] = Field(
        1000, ge=100, le=1000000, description="parts to learn that from after a start"
    )
    drift_window: Reloadable[int] = Field(
        200, ge=0, le=10000, description="scores of so many ok parts are compared with the bundle's; 0 is off"
    )
    drift_distance: Reloadable[float] = Field(
        0.3, gt=0, lt=1, description="raised: their distribution functions are further apart than this"
    )
    false_alarms: Reloadable[float] = Field(
        1e-5, gt=0, le=0.5, description="chance that a window is out of its limits though nothing changed"
    )
    disk_free_mb: float = Field(
        500.0, ge=0, description="raised: less is free where the station writes; 0 is off"
    )
    clock_s: float = Field(
        300.0, ge=0, le=86400, description="raised: not synchronised for so long; 0 is off"
    )
    outbox_s: float = Field(
        60.0, ge=0, le=86400, description="raised: verdicts wait so long for the broker; 0 is off"
    )
    off: str = Field(
        "", description='alarms that are never raised, by name, with spaces: "clock camera-settings"'
    )

    @model_validator(mode="after")
    def _off_is_known(self) -> Self:
        for name in self.off.split():
            if name not in list(Alarm):
                raise ValueError(f"alarms.off: no alarm is called {name!r}; they are {', '.join(Alarm)}")
        return self
