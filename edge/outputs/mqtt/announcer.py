"""What a station says by itself: state, commands to the gate, bits, alarms, answers, counts."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.alarms.register import AlarmEvent
from edge.core.documents import Document
from edge.core.state import State
from edge.core.versions import versions
from edge.gate.gate import GateCommand, at_sending, useless_after
from edge.outputs.events import Disagreement
from edge.outputs.mqtt.client import BrokerLink
from edge.outputs.mqtt.connection import Receipt
from edge.outputs.mqtt.inbox import WaitingCommand
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

_LOOKS = 10
_TOGETHER_S = 0.0005
ANSWERED_HERE = "mqtt.response_topics does not allow the response topic that was asked for"


class Announcer:
    """Makes the messages of a station and publishes them; without a ``link`` nothing is said. Any thread."""

    def __init__(self, station: str, *, simulated: bool, response_topics: Sequence[str] = ()) -> None:
        self.topics = Topics(station)
        self.link: BrokerLink | None = None
        self.on_command_refused: Callable[[GateCommand], None] = lambda _: None
        """Called with a command that the broker did not take, on the link's own thread."""
        self._response_topics = (f"{self.topics.response}/#", *response_topics)
        self.counts: dict[str, Any] = {}
        """What was said last by ``stats``."""
        self._head: dict[str, Any] = {"station": station, "simulated": simulated}
        self._served: dict[str, str | None] = {"bundle_sha256": None, "recipe": None}

    def serves(self, bundle_sha256: str, recipe: str) -> None:
        """What decides from now on; the next status says it."""
        self._served = {"bundle_sha256": bundle_sha256, "recipe": recipe}

    def last_will(self, since: datetime) -> StatusMessage:
        """What the broker says when the station is gone; then nothing decides."""
        return StatusMessage(
            **self._head, state="offline", since=since, reason="the connection was lost", versions=versions()
        )

    def status_message(self, state: State, since: datetime, reason: str | None) -> StatusMessage:
        """The status."""
        return StatusMessage(
            **self._head,
            state=state,
            since=since,
            reason=reason,
            **self._served,
            mqtt=None if self.link is None else self.link.protocol,
            versions=versions(),
        )

    def status(self, state: State, since: datetime, reason: str | None) -> None:
        """Publish the state."""
        self._publish(self.topics.status, self.status_message(state, since, reason), retain=True)

    def command(self, command: GateCommand) -> bool:
        """Tell the gate; False where that was not possible now, or is too late by now."""
        if self.link is None:
            return True  # nobody to be told, and never will be
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
        receipt = self.link.publish(
            self.topics.command(said.action),
            message.payload(),
            qos=1,
            expires_s=said.valid_until - now,
            useless_after=useless_after(said),
            on_refused=lambda _: self.on_command_refused(command),
        )
        return receipt is not None

    def bits(self, **bits: Any) -> None:
        """Publish the bits; the keys are those of BitsMessage."""
        self._publish(self.topics.bits, BitsMessage(**self._head, **bits), retain=True)

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
        return self.link.publish(self.topics.alarm, message.payload(), qos=1) if self.link else None

    def response(
        self, waiting: WaitingCommand, error: str | None, state: State, note: str | None = None
    ) -> None:
        """Answer a command where its sender asks for it, if the settings let answers go there."""
        request, asked = waiting.request, waiting.message
        topic, elsewhere = self.topics.response, asked.response_topic
        if elsewhere is not None and may_answer_on(elsewhere, self._response_topics):
            topic = elsewhere
        elif elsewhere is not None:
            note = f"{note}; {ANSWERED_HERE}" if note else ANSWERED_HERE
        message = ResponseMessage(
            **self._head,
            id=request.id if request else None,
            command=request.command if request else None,
            done=error is None,
            error=error,
            note=note,
            state=state,
            **self._served,
        )
        correlation = asked.correlation if may_be_echoed(asked.correlation) else None
        if self.link is not None:
            self.link.publish(topic, message.payload(), qos=1, correlation=correlation)

    def shadow(self, found: Disagreement) -> None:
        """Tell of a part for which the shadow's verdict is another."""
        message = ShadowMessage(**self._head, at=datetime.now(UTC), **asdict(found))
        self._publish(self.topics.shadow, message)

    def stats(self, counts: dict[str, Any]) -> None:
        """Publish the counts; the keys are those of StatsMessage."""
        self.counts = counts
        message = StatsMessage(**self._head, at=datetime.now(UTC), **counts)
        if self.link is not None:
            self.link.publish(self.topics.stats, message.payload(), qos=0, retain=True)

    def _publish(self, topic: str, message: Document, *, retain: bool = False) -> None:
        if self.link is not None:
            self.link.publish(topic, message.payload(), qos=1, retain=retain)


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
