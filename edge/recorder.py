"""The record of every inspection: into the journal, and from there to the broker."""

import logging
import time
from pathlib import Path

from edge.errors import JournalError
from edge.inspector import Inspection
from edge.journal import Journal
from edge.mqtt.client import BrokerLink, Receipt
from edge.mqtt.messages import VerdictMessage
from edge.mqtt.outbox import Outbox
from edge.trigger.trigger import Sighting

logger = logging.getLogger(__name__)


class Recorder:
    """Keeps what was decided, and has it sent."""

    def __init__(self, path: Path, *, max_rows: int, topic: str) -> None:
        self._journal = Journal(path, max_rows=max_rows)
        self._outbox = Outbox(self._journal, topic)
        self._broken = False

    def start(self, link: BrokerLink) -> None:
        """Start sending over ``link``."""
        self._outbox.start(link)

    def wake(self) -> None:
        """There is a connection to send over."""
        self._outbox.wake()

    def acknowledged(self, receipt: Receipt) -> None:
        """The broker has this message; called on paho's thread, where nothing may fail or wait."""
        self._outbox.acknowledged(receipt)

    def record(self, message: VerdictMessage) -> None:
        """Keep one verdict, and send it."""
        try:
            self._journal.append(message.payload().decode(), recorded=time.time())
            if self._broken:
                logger.warning("journal: can be written again")
            self._broken = False
        except JournalError as error:
            # The gate has its command; a record that cannot be kept must not stop the line.
            if not self._broken:
                logger.error("%s; inspections are not recorded", error)
            self._broken = True
        self._outbox.wake()

    @property
    def waiting(self) -> int:
        """How many verdicts the broker has not acknowledged."""
        return self._journal.waiting()

    @property
    def dropped(self) -> int:
        """How many verdicts were deleted unsent."""
        return self._journal.dropped

    def drain(self, timeout: float) -> int:
        """Wait until everything is acknowledged; returns how many verdicts are still waiting."""
        return self._outbox.drain(timeout)

    def stop_sending(self) -> None:
        """What was not acknowledged waits in the journal for the next start."""
        self._outbox.stop()

    def close(self) -> None:
        """Write everything back and close the journal."""
        self._journal.close()


def verdict_message(
    sighting: Sighting,
    inspection: Inspection,
    *,
    station: str,
    simulated: bool,
    run: str,
    action: str,
    model_id: str,
) -> VerdictMessage:
    """What is said of one part; ``run`` makes its id unlike those of other runs."""
    frame = inspection.frame
    return VerdictMessage.model_validate(
        {
            "station": station,
            "simulated": simulated,
            "id": f"{run}-{sighting.number}",
            "part": sighting.part,
            "sequence": sighting.number,
            "captured_at": frame.captured_at,
            "verdict": inspection.verdict,
            "class": inspection.predicted,
            "score": inspection.score,
            "reason": inspection.reason,
            "action": action,
            "frames": len(sighting.inspections),
            "latency_ms": inspection.latency_ms,
            "model_id": model_id,
            "source": frame.source,
            "truth": frame.detail or frame.truth,
        }
    )
