"""Messages that a station sends by itself: state, commands to the gate, bits, alarms, answers, counts."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.alarms.register import AlarmEvent
from edge.core.documents import Document
from edge.core.versions import versions
from edge.gate.gate import GateCommand, at_sending, useless_after
from edge.outputs.events import Disagreement, LatestPart, StateChanged
from edge.outputs.mqtt.client import BrokerLink, Incoming
from edge.outputs.mqtt.connection import Receipt
from edge.outputs.mqtt.messages import (
    AlarmMessage,
    BitsMessage,
    CommandMessage,
    ResponseMessage,
    ShadowMessage,
    StatsMessage,
    StatusMessage,
)
from edge.outputs.mqtt.requests import may_answer_on, may_be_echoed
from edge.outputs.mqtt.topics import Topics
from edge.outputs.requests import Answer, CommandRequest
from edge.outputs.statistics import StationStatistics

_LOOKS = 10
_TOGETHER_S = 0.0005
ANSWERED_HERE = "mqtt.response_topics does not allow the response topic that was asked for"


class Announcer:
    """Makes the messages of a station and publishes them over ``link``. Any thread.

    ``on_command_refused`` is called with a command that the broker did not take, on the link's own thread.
    """

    def __init__(
        self,
        station: str,
        link: BrokerLink,
        *,
        simulated: bool,
        response_topics: Sequence[str] = (),
        on_command_refused: Callable[[GateCommand], None] = lambda _: None,
    ) -> None:
        self.topics = Topics(station)
        self._link = link
        self._on_command_refused = on_command_refused
        self._response_topics = (f"{self.topics.response}/#", *response_topics)
        self._head: dict[str, Any] = {"station": station, "simulated": simulated}

    def status_message(self, now: StateChanged) -> StatusMessage:
        """The status."""
        return StatusMessage(**self._head, **asdict(now), mqtt=self._link.protocol, versions=versions())

    def status(self, now: StateChanged) -> None:
        """Publish the state."""
        self._publish(self.topics.status, self.status_message(now), retain=True)

    def command(self, command: GateCommand) -> bool:
        """Tell the gate; False where that was not possible now, or is too late by now."""
        wall, now = _both_clocks()
        said = at_sending(command, now)
        if said is None:
            return False
        valid_until = wall + timedelta(seconds=said.valid_until - now)
        message = CommandMessage(
            **self._head,
            id=uuid.uuid4().hex,
            part=said.part,
            action=said.action,
            due_at=wall + timedelta(seconds=said.due - now),
            due_in_ms=round((said.due - now) * 1000, 3),
            due_count=said.due_count,
            pulse_ms=said.pulse_ms,
            valid_until=valid_until,
            valid_until_ms=int(valid_until.timestamp() * 1000),
            reason=said.reason,
        )
        receipt = self._link.publish(
            self.topics.command(said.action),
            message.payload(),
            qos=1,
            expires_s=said.valid_until - now,
            useless_after=useless_after(said),
            on_refused=lambda _: self._on_command_refused(command),
        )
        return receipt is not None

    def bits(self, part: LatestPart) -> None:
        """Publish the bits."""
        self._publish(self.topics.bits, BitsMessage(**self._head, **asdict(part)), retain=True)

    def alarm(self, event: AlarmEvent) -> Receipt | None:
        """Say that an alarm was raised or cleared; None where that was not possible now."""
        change = event.change
        message = AlarmMessage(
            **self._head,
            id=event.id,
            alarm=change.alarm,
            raised=change.raised,
            times=change.times,
            at=event.at,
            text=change.text,
            part=change.part,
        )
        return self._link.publish(self.topics.alarm, message.payload(), qos=1)

    def response(self, asked: Incoming, request: CommandRequest | None, answer: Answer) -> None:
        """Answer a command where its sender asks for it, if the settings let answers go there."""
        topic, elsewhere, note = self.topics.response, asked.response_topic, answer.note
        if elsewhere is not None and may_answer_on(elsewhere, self._response_topics):
            topic = elsewhere
        elif elsewhere is not None:
            note = f"{note}; {ANSWERED_HERE}" if note else ANSWERED_HERE
        message = ResponseMessage(
            **self._head,
            id=request.id if request else None,
            command=request.command if request else None,
            done=answer.error is None,
            error=answer.error,
            note=note,
            state=answer.state,
            bundle_sha256=answer.bundle_sha256,
            recipe=answer.recipe,
        )
        correlation = asked.correlation if may_be_echoed(asked.correlation) else None
        self._link.publish(topic, message.payload(), qos=1, correlation=correlation)

    def shadow(self, found: Disagreement) -> None:
        """Tell of a part for which the shadow's verdict is another."""
        message = ShadowMessage(**self._head, at=datetime.now(UTC), **asdict(found))
        self._publish(self.topics.shadow, message)

    def stats(self, statistics: StationStatistics) -> None:
        """Publish the statistics."""
        values = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
        message = StatsMessage.model_validate({**self._head, "at": datetime.now(UTC), **values})
        self._link.publish(self.topics.stats, message.payload(), qos=0, retain=True)

    def _publish(self, topic: str, message: Document, *, retain: bool = False) -> None:
        self._link.publish(topic, message.payload(), qos=1, retain=retain)


def last_will(station: str, since: datetime, *, simulated: bool) -> StatusMessage:
    """The message of the broker when the station is gone; then nothing decides."""
    return StatusMessage(
        station=station,
        simulated=simulated,
        state="offline",
        since=since,
        reason="the connection was lost",
        versions=versions(),
    )


def _both_clocks() -> tuple[datetime, float]:
    """Wall-clock and monotonic time of one moment.

    A process may be held between two looks: then it looks again, for the one would be wrong by so much.
    """
    for _ in range(_LOOKS):
        before = time.monotonic()
        wall, now = datetime.now(UTC), time.monotonic()
        if now - before < _TOGETHER_S:
            break
    return wall, now
