"""[page]: what the operator's page may see of a station."""

from pydantic import Field

from edge.settings.section import Section


class PageSettings(Section):
    """What the operator's page, a process of its own, may see of a running station."""

    watchers: int = Field(
        4,
        ge=0,
        le=100,
        description="pages that may watch the station at once, over a socket beside the journal; 0: none",
    )
