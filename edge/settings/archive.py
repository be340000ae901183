"""[archive]: stored images."""

from typing import Literal

from pydantic import Field

from edge.settings.section import PathText, Reloadable, Section


class ArchiveSettings(Section):
    """Images of rejects, unsure parts and faults, and a share of what was ok; wears an SD card."""

    path: PathText = Field("", description='the folder, such as "state/archive"; empty: no archive')
    max_mb: int = Field(
        1000, ge=1, le=100_000_000, description="megabytes; beyond, the oldest ok images go first"
    )
    max_days: int = Field(30, ge=1, le=36500, description="older images are deleted")
    min_free_mb: Reloadable[int] = Field(
        200, ge=0, description="with less free on its disk nothing is archived"
    )
    ok_share: Reloadable[float] = Field(
        0.01, ge=0, le=1, description="share of ok parts that is archived, chosen by id"
    )
    format: Literal["png", "jpeg"] = Field(
        "png", description='"png" keeps every pixel, so that a replay decides the same; "jpeg" is smaller'
    )
    queue_mb: Reloadable[int] = Field(
        64, ge=1, le=100_000, description="megabytes of images that wait to be written"
    )
