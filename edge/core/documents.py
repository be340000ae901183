"""JSON documents that leave a station or are kept of it: their common keys, and how times are written."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC with milliseconds: 2026-11-21T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Document(BaseModel):
    """A JSON document about a station; every one names the station, and says whether its parts are real."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        json_schema_serialization_defaults_required=True,  # every key is always there
    )

    station: str
    simulated: bool = Field(
        default=False, description="no part on the belt now: drawn or stored pictures, or a replay"
    )

    def payload(self) -> bytes:
        """The JSON as it is kept and published."""
        return self.model_dump_json(by_alias=True).encode()
