"""[station]: what this station is called."""

from pydantic import Field

from edge.core.allowed import NAME
from edge.settings.section import Section


class StationSettings(Section):
    """One camera, one belt, one gate."""

    name: str = Field(
        "station-1",
        pattern=NAME,
        description="stands in every topic: inspection/{name}/…; letters, digits, - and _",
    )
    latch_faults: bool = Field(
        default=False, description="true: a fault that is over stays, and rejects, until a reset command"
    )
