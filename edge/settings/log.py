"""[log]: what is written to standard error."""

from typing import Literal

from pydantic import Field

from edge.settings.section import Reloadable, Section


class LogSettings(Section):
    """The log, on standard error."""

    level: Reloadable[Literal["debug", "info", "warning", "error"]] = Field(
        "info", description="least level to write"
    )
