"""Every message that leaves the station; docs/reference/schemas/ is made from these models."""

from typing import Literal

from pydantic import Field, create_model

from edge.core.decision import Verdict
from edge.core.documents import Document, Moment
from edge.core.state import State
from edge.outputs.statistics import statistics_fields
from edge.records.result import PartResult


class StatusMessage(Document):
    """…/status: retained, and the last will (state "offline")."""

    schema_: Literal["linegate.status.v1"] = Field("linegate.status.v1", alias="schema")
    state: State
    since: Moment
    reason: str | None = None
    bundle_sha256: str | None = Field(
        None, description="SHA-256 of the bundle that decides; null: nothing does"
    )
    recipe: str | None = Field(None, description="the recipe in service")
    mqtt: Literal["5", "3.1.1"] | None = Field(
        None, description="what is spoken with the broker; with 3.1.1 a command does not expire there"
    )
    versions: dict[str, str] = Field({})


class CommandMessage(Document):
    """…/reject and …/pass: act on one part at one moment, or never."""

    schema_: Literal["linegate.gate-command.v1"] = Field("linegate.gate-command.v1", alias="schema")
    id: str
    part: str | None = Field(description="null: on whatever is there, for nobody saw it")
    action: Literal["reject", "pass"]
    due_at: Moment
    due_in_ms: float = Field(description="from the sending of this message")
    due_count: int | None = Field(None, description="where the encoder stands then, if there is one")
    pulse_ms: float
    valid_until: Moment
    valid_until_ms: int = Field(
        description="the same, in milliseconds since 1970 in UTC, for a PLC to compare"
    )
    reason: str | None = Field(None, description="why, where it isn't the verdict")


class ResponseMessage(Document):
    """…/response, or the response topic of the command: what came of it."""

    schema_: Literal["linegate.response.v1"] = Field("linegate.response.v1", alias="schema")
    id: str | None = Field(description="of the command; null where it could not be read")
    command: str | None
    done: bool
    error: str | None = Field(description="why not")
    note: str | None = Field(None, description="what else there is to know, such as what needs a restart")
    state: State
    bundle_sha256: str | None = Field(None, description="SHA-256 of the bundle that decides now")
    recipe: str | None = Field(None, description="the recipe in service now")


class AlarmMessage(Document):
    """…/alarm: something that a person should know; raised once, and cleared once.

    At least once: the same ``id`` is the same message.
    """

    schema_: Literal["linegate.alarm.v1"] = Field("linegate.alarm.v1", alias="schema")
    id: str
    alarm: str = Field(description="its name; the same when it is cleared")
    raised: bool
    times: int = Field(description="how often it was raised since the start, this time included")
    at: Moment = Field(description="when it was raised or cleared; a broker that was away hears later")
    text: str
    part: str | None = Field(None, description="the part that it began with")


class BitsMessage(Document):
    """…/bits: the state and the latest result for a PLC that wants bits; retained."""

    schema_: Literal["linegate.bits.v1"] = Field("linegate.bits.v1", alias="schema")
    ready: bool = Field(description="parts may come")
    busy: bool = Field(description="a part was seen and has no result yet")
    result_valid: bool = Field(
        description="the result is of the latest part; false while busy, and for a fault"
    )
    result_ok: bool = Field(description="it may pass, so far as the verdict goes")
    part: str | None


class ShadowMessage(Document):
    """…/shadow: a part for which the bundle that looks on has another verdict; at most one a second."""

    schema_: Literal["linegate.shadow.v1"] = Field("linegate.shadow.v1", alias="schema")
    id: str = Field(description="of the verdict")
    part: str
    at: Moment
    verdict: Verdict = Field(description="by which the gate acts")
    score: float | None
    bundle_sha256: str
    shadow_verdict: Verdict
    shadow_score: float | None
    shadow_reason: str | None = Field(None, description="why there is no valid result, for a fault")
    shadow_bundle_sha256: str


class _StatsHead(Document):
    schema_: Literal["linegate.stats.v1"] = Field("linegate.stats.v1", alias="schema")
    at: Moment


StatsMessage = create_model(
    "StatsMessage",
    __base__=_StatsHead,
    __doc__="…/stats: counts since the start; retained.",
    **statistics_fields(),
)
"""…/stats, with the fields of StationStatistics."""


MESSAGES: tuple[type[Document], ...] = (
    StatusMessage,
    PartResult,
    CommandMessage,
    ResponseMessage,
    AlarmMessage,
    BitsMessage,
    ShadowMessage,
    StatsMessage,
)
