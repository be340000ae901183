"""What happens to each inspection: the gate at once, then the journal, from which MQTT is served.

The live loop and `edge --replay --publish` both hand their frames to a Station.
"""

import itertools
import logging
import math
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from edge.errors import JournalError
from edge.frame import Frame
from edge.gate import GateCommand
from edge.gatekeeper import GateKeeper
from edge.inspector import Inspection, Inspector, as_fault, fault
from edge.journal import Journal
from edge.mqtt.client import BrokerLink
from edge.mqtt.messages import CommandMessage, StatsMessage, StatusMessage, VerdictMessage
from edge.mqtt.outbox import Outbox
from edge.mqtt.topics import Topics
from edge.settings import Settings
from edge.states import State, States
from edge.statistics import Statistics
from edge.trigger.every_frame import EveryFrame
from edge.trigger.trigger import Look, Sighting, Trigger
from edge.versions import versions
from edge.voting import vote

logger = logging.getLogger(__name__)

FIRST_ATTEMPT_S = 3.0
GATE_DRAIN_S = 1.0


class Station:
    """One inspector with its gate, journal and link to the broker."""

    def __init__(self, settings: Settings, inspector: Inspector, *, simulated: bool, journal: Path) -> None:
        self._settings = settings
        self._inspector = inspector
        self._simulated = simulated
        self._keeper = GateKeeper(settings.gate, send=self._send)
        self._trigger: Trigger = EveryFrame(self, half_gap_s=settings.gate.min_gap_ms / 2000)
        self._states = States(latch=settings.station.latch_faults)
        self._camera_lost = False
        self._numbers = itertools.count()
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
        self._keeper.start()

    def stop(self, *, drain_s: float) -> int:
        """Send what is waiting, for at most ``drain_s``, and leave; returns how many verdicts still wait."""
        waiting = 0
        self._keeper.stop(wait_s=GATE_DRAIN_S)
        if self.link is not None:
            waiting = self._outbox.drain(drain_s if self.link.connected else 0)
            self._state, self._reason, self._since = "stopped", None, datetime.now(UTC)
            self._outbox.stop()
            self.link.stop(self._status("stopped", None).payload())
        self._journal.close()
        return waiting

    def run(self) -> None:
        """Everything is set up: from now on parts may come."""
        self._states.start()
        self._publish_state()

    def camera(self, fault: str | None) -> None:
        """What is wrong with the camera, or that it gives frames."""
        if fault is not None and not self._camera_lost:
            self._trigger.interrupt()
        self._camera_lost = fault is not None
        self._states.fault("camera", fault)
        self._publish_state()

    def see(self, frame: Frame, *, max_age_s: float) -> None:
        """Inspect what the trigger finds on a frame; one that is older than ``max_age_s`` is a fault."""
        for look in self._trigger.take(frame):
            self._look(look, max_age_s)

    def tend(self) -> None:
        """What is to be done also while no frames come; the line calls it some times a second."""
        for look in self._trigger.overdue(time.monotonic()):
            self._look(look, math.inf)
        self._states.fault("gate", self._keeper.lost)
        self._states.fault("trigger", self._trigger.trouble)
        self._publish_state()

    def handle(self, frame: Frame) -> Inspection:
        """Inspect one frame that is one part, tell the gate, and record it: a replay has no trigger."""
        self._states.run()
        sighting = self.expect(None, frame.captured)
        sighting.inspections.append(self._inspect(frame))
        return self._decide(sighting)

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> Sighting:
        """A part was at the camera; see edge.trigger.trigger.Observer."""
        number = next(self._numbers)
        name = part if part is not None else f"{self._run}-p{number}"
        return Sighting(name, number, seen, self._keeper.expect(name, seen, count=count))

    def watch(self, at: float) -> None:
        """From ``at`` on every part is seen."""
        self._keeper.watch(at)

    def unwatch(self, at: float) -> None:
        """From ``at`` on parts may go by unseen."""
        self._keeper.unwatch(at)

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
            commands_unsent=self._keeper.counts.too_late,
            outbox=self._journal.waiting(),
            records_dropped=self._journal.dropped,
        )
        self.link.publish(self._topics.stats, message.payload(), qos=0, retain=True)

    frames_dropped: int = 0

    def _look(self, look: Look, max_age_s: float) -> None:
        """Inspect a frame of a part, and after its last one decide."""
        sighting, frame = look.sighting, look.frame
        if frame is not None:
            age = time.monotonic() - frame.captured
            if self._states.latched is not None:
                inspection = fault(frame, f"{self._states.latched}; over, waits for a reset")
            elif age > max_age_s:
                inspection = fault(frame, f"the frame is {age * 1000:.0f} ms old")
            else:
                inspection = self._inspect(frame)
            sighting.inspections.append(inspection)
        if look.is_last:
            self._decide(sighting)
            self._states.run()
            self._publish_state()

    def _inspect(self, frame: Frame) -> Inspection:
        try:
            return self._inspector.inspect(frame)
        except Exception as error:  # whatever the runtime raises, the part must not pass as ok
            logger.exception("inspection failed")
            return fault(frame, f"{type(error).__name__}: {error}")

    def _decide(self, sighting: Sighting) -> Inspection:
        """Tell the gate what was found of a part, then the journal."""
        if sighting.inspections:
            inspection = vote(sighting.inspections, self._settings.trigger.vote, self._inspector)
        else:
            inspection = fault(_no_frame(sighting), "no frame of this part came in time")
        trouble = self._keeper.decide(sighting.flight, inspection.verdict)
        if trouble is not None:
            inspection = as_fault(inspection, trouble)
        latency_ms = round((time.monotonic() - sighting.seen) * 1000, 3)
        inspection = replace(inspection, latency_ms=latency_ms)
        self._record(sighting, inspection)
        self.statistics.add(inspection)
        return inspection

    def _send(self, command: GateCommand, now: float) -> bool:
        """Publish a command to the gate; called by whichever thread made it due."""
        if self.link is None:
            return True
        wall = datetime.now(UTC)
        message = CommandMessage(
            station=self._settings.station.name,
            simulated=self._simulated,
            id=uuid.uuid4().hex,
            part=command.part,
            action=command.action,
            due_at=wall + timedelta(seconds=command.due - now),
            due_in_ms=round((command.due - now) * 1000, 3),
            due_count=command.due_count,
            pulse_ms=command.pulse_ms,
            valid_until=wall + timedelta(seconds=command.valid_until - now),
            reason=command.reason,
        )
        sent = self.link.publish(
            self._topics.command(command.action),
            message.payload(),
            qos=1,
            expires_s=command.valid_until - now,
        )
        if sent is not None:
            self.statistics.commands_sent += 1
        return sent is not None

    def _record(self, sighting: Sighting, inspection: Inspection) -> None:
        frame = inspection.frame
        message = VerdictMessage.model_validate(
            {
                "station": self._settings.station.name,
                "simulated": self._simulated,
                "id": f"{self._run}-{sighting.number}",
                "part": sighting.part,
                "sequence": sighting.number,
                "captured_at": frame.captured_at,
                "verdict": inspection.verdict,
                "class": inspection.predicted,
                "score": inspection.score,
                "reason": inspection.reason,
                "action": self._keeper.action(inspection.verdict),
                "frames": len(sighting.inspections),
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

    def _connected(self) -> None:
        self._publish_status()
        self._outbox.wake()

    def _publish_state(self) -> None:
        """Publish the state where it changed."""
        state, reason = self._states.current
        if (state, reason) == (self._state, self._reason):
            return
        if state != self._state:
            self._since = datetime.now(UTC)
            log = logger.error if state == "fault" else logger.info
            log("state: %s%s", state, f" ({reason})" if reason else "")
        self._state, self._reason = state, reason
        self._publish_status()

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


def _no_frame(sighting: Sighting) -> Frame:
    """Stands where a part has no picture."""
    return Frame(
        np.zeros((1, 1), np.uint8), sighting.number, captured=sighting.seen, captured_at=datetime.now(UTC)
    )
