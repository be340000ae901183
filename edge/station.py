"""What happens to each inspection: the gate at once, then the journal, from which MQTT is served.

The live loop and `edge --replay --publish` both hand their frames to a Station.
"""

import logging
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.errors import JournalError
from edge.frame import Frame
from edge.gate import Gate
from edge.inspector import Inspection, Inspector, as_fault, fault
from edge.journal import Journal
from edge.mqtt.client import BrokerLink
from edge.mqtt.messages import CommandMessage, State, StatsMessage, StatusMessage, VerdictMessage
from edge.mqtt.outbox import Outbox
from edge.mqtt.topics import Topics
from edge.settings import Settings
from edge.statistics import Statistics
from edge.versions import versions

logger = logging.getLogger(__name__)

FIRST_ATTEMPT_S = 3.0


class Station:
    """One inspector with its gate, journal and link to the broker."""

    def __init__(self, settings: Settings, inspector: Inspector, *, simulated: bool, journal: Path) -> None:
        self._settings = settings
        self._inspector = inspector
        self._simulated = simulated
        self._gate = Gate(settings.gate)
        self._topics = Topics(settings.station.name)
        self._run = uuid.uuid4().hex[:12]
        self._journal = Journal(journal, max_rows=settings.journal.max_rows)
        self._journal_broken = False
        self._outbox = Outbox(self._journal, self._topics.verdict)
        self._state: State = "starting"
        self._reason: str | None = None
        self._since = datetime.now(UTC)
        self.statistics = Statistics()
        self.link: BrokerLink | None = None
        if settings.mqtt.enabled:
            self.link = BrokerLink(
                settings.mqtt,
                client_id=f"linegate-{settings.station.name}",
                status_topic=self._topics.status,
                last_will=self._status("offline", "the connection was lost").payload(),
                on_connected=self._connected,
                on_acknowledged=self._outbox.acknowledged,
            )

    def start(self) -> None:
        """Connect to the broker and start sending; an absent broker is waited for in the background.

        The first attempt is awaited: the first part must not pass the gate for want of a moment.
        """
        if self.link is not None:
            self.link.start(wait_s=FIRST_ATTEMPT_S)
            self._outbox.start(self.link)

    def stop(self, *, drain_s: float) -> int:
        """Send what is waiting, for at most ``drain_s``, and leave; returns how many verdicts still wait."""
        waiting = 0
        if self.link is not None:
            waiting = self._outbox.drain(drain_s if self.link.connected else 0)
            self._state, self._reason, self._since = "stopped", None, datetime.now(UTC)
            self._outbox.stop()
            self.link.stop(self._status("stopped", None).payload())
        self._journal.close()
        return waiting

    def set_state(self, state: State, reason: str | None = None) -> None:
        """Publish the station's state where it changed."""
        if (state, reason) == (self._state, self._reason):
            return
        if state != self._state:
            self._since = datetime.now(UTC)
            log = logger.error if state == "fault" else logger.info
            log("state: %s%s", state, f" ({reason})" if reason else "")
        self._state, self._reason = state, reason
        self._publish_status()

    def handle(self, frame: Frame, *, max_age_s: float | None = None) -> Inspection:
        """Inspect one frame, tell the gate, and record it.

        A frame older than ``max_age_s``, and a decision after the part has passed the ejector,
        are faults.
        """
        age = time.monotonic() - frame.captured
        if max_age_s is not None and age > max_age_s:
            inspection = fault(frame, f"the frame is {age * 1000:.0f} ms old")
        else:
            inspection = self._inspect(frame)
        now = time.monotonic()
        if now > self._gate.deadline(frame.captured):
            inspection = as_fault(inspection, "decided after the part had passed the ejector")
        inspection = replace(inspection, latency_ms=round((now - frame.captured) * 1000, 3))
        self._command(inspection, now)
        self._record(inspection)
        self.statistics.add(inspection)
        return inspection

    def publish_stats(self) -> None:
        """Publish the counts."""
        if self.link is None:
            return
        message = StatsMessage(
            station=self._settings.station.name,
            simulated=self._simulated,
            at=datetime.now(UTC),
            inspected=self.statistics.inspected,
            verdicts=self.statistics.verdicts(),
            latency_ms=self.statistics.latency_ms(),
            frames_dropped=self.frames_dropped,
            commands_sent=self.statistics.commands_sent,
            commands_unsent=self.statistics.commands_unsent,
            outbox=self._journal.waiting(),
            records_dropped=self._journal.dropped,
        )
        self.link.publish(self._topics.stats, message.payload(), qos=0, retain=True)

    frames_dropped: int = 0

    def _inspect(self, frame: Frame) -> Inspection:
        try:
            return self._inspector.inspect(frame)
        except Exception as error:  # whatever the runtime raises, the part must not pass as ok
            logger.exception("inspection failed")
            return fault(frame, f"{type(error).__name__}: {error}")

    def _command(self, inspection: Inspection, now: float) -> None:
        command = self._gate.command(inspection.verdict, inspection.frame.captured, now)
        if command is None or self.link is None:
            return
        wall = datetime.now(UTC)
        message = CommandMessage(
            station=self._settings.station.name,
            simulated=self._simulated,
            id=uuid.uuid4().hex,
            part=self._part(inspection.frame),
            action=command.action,
            due_at=wall + timedelta(seconds=command.due - now),
            due_in_ms=round((command.due - now) * 1000, 3),
            pulse_ms=command.pulse_ms,
            valid_until=wall + timedelta(seconds=command.valid_until - now),
        )
        sent = self.link.publish(
            self._topics.command(command.action),
            message.payload(),
            qos=1,
            expires_s=command.valid_until - now,
        )
        if sent is not None:
            self.statistics.commands_sent += 1
        else:
            self.statistics.commands_unsent += 1

    def _record(self, inspection: Inspection) -> None:
        frame = inspection.frame
        message = VerdictMessage.model_validate(
            {
                "station": self._settings.station.name,
                "simulated": self._simulated,
                "id": f"{self._run}-{frame.sequence}",
                "part": self._part(frame),
                "sequence": frame.sequence,
                "captured_at": frame.captured_at,
                "verdict": inspection.verdict,
                "class": inspection.predicted,
                "score": inspection.score,
                "reason": inspection.reason,
                "action": self._gate.action(inspection.verdict),
                "latency_ms": inspection.latency_ms,
                "model_id": self._inspector.model.bundle.model_id,
                "source": frame.source,
                "truth": frame.detail or frame.truth,
            }
        )
        try:
            self._journal.append(message.payload().decode(), recorded=time.time())
            if self._journal_broken:
                logger.warning("journal: can be written again")
            self._journal_broken = False
        except JournalError as error:
            # The gate has its command; a record that cannot be kept must not stop the line.
            if not self._journal_broken:
                logger.error("%s; inspections are not recorded", error)
            self._journal_broken = True
        self._outbox.wake()

    def _part(self, frame: Frame) -> str:
        return f"{self._run}-p{frame.sequence}"

    def _connected(self) -> None:
        self._publish_status()
        self._outbox.wake()

    def _publish_status(self) -> None:
        if self.link is not None:
            message = self._status(self._state, self._reason)
            self.link.publish(self._topics.status, message.payload(), qos=1, retain=True)

    def _status(self, state: State, reason: str | None) -> StatusMessage:
        return StatusMessage(
            station=self._settings.station.name,
            simulated=self._simulated,
            state=state,
            since=self._since,
            reason=reason,
            model_id=self._inspector.model.bundle.model_id,
            versions=versions(),
        )
