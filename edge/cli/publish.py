"""`edge --replay --publish`: the verdicts of a replay over MQTT, marked simulated, and nothing else.

The station of that name may be running: its client id, its state and its gate are its own.
"""

import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from edge.cli.replay import Record, Replay, replay
from edge.core.errors import BrokerError
from edge.core.frame import Frame
from edge.gate.gate import action_for
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.mqtt.client import BrokerLink
from edge.outputs.mqtt.courier import ResultCourier
from edge.outputs.mqtt.topics import Topics
from edge.records.recorder import Recorder
from edge.records.result import part_result
from edge.settings.settings import Settings
from edge.trigger.trigger import PartContext

CONNECT_S = 3.0
DRAIN_S = 60.0


def replay_and_publish(
    source: Path,
    settings: Settings,
    inspector: Inspector,
    look: Callable[[Inspection, Record], None] = lambda _inspection, _record: None,
) -> Replay:
    """Replay and send what was found; raises BrokerError unless every verdict was acknowledged."""
    if not settings.mqtt.enabled:
        raise BrokerError("--publish: mqtt.enabled is false")
    with tempfile.TemporaryDirectory(prefix="linegate-") as folder:
        sender = _Sender(settings, inspector, Path(folder) / "replay.sqlite")
        sender.start()
        try:
            result = replay(source, inspector, sender.inspect, look)
        finally:
            waiting = sender.stop()
    if waiting:
        raise BrokerError(f"{waiting} verdicts were not acknowledged by the broker at {sender.link.address}")
    return result


class _Sender:
    """Inspects, and has each verdict sent from a journal, as a station does."""

    def __init__(self, settings: Settings, inspector: Inspector, journal: Path) -> None:
        self._station = settings.station.name
        self._gate = settings.gate_of(inspector.recipe)
        self._inspector = inspector
        self._run = uuid.uuid4().hex[:12]
        self._sent = 0
        self._recorder = Recorder(
            journal,
            settings.journal,
            station=self._station,
            alarm=lambda _name, _text: None,  # alarms are the station's
        )
        outbox = self._recorder.outbox(ResultCourier.consumer)
        self.link = BrokerLink(
            settings.mqtt,
            client_id=f"linegate-{self._station}-replay-{self._run}",
            on_connected=outbox.wake,
            on_acknowledged=outbox.acknowledged,
            on_refused=outbox.refused,
        )

    def start(self) -> None:
        """Connect, and begin to send; raises BrokerError where the broker refuses the connection."""
        self.link.try_once()
        self.link.start(wait_s=CONNECT_S)
        self._recorder.start([ResultCourier(self.link, Topics(self._station).verdict)])

    def stop(self) -> int:
        """Send what waits; returns how many verdicts were not acknowledged."""
        waiting = self._recorder.stop(drain_s=DRAIN_S if self.link.connected else 0)
        self.link.stop()
        return waiting

    def inspect(self, frame: Frame) -> Inspection:
        """Inspect a frame that is one part, and send what was found."""
        inspection = self._inspector.inspect(frame)
        name = f"{self._run}-p{self._sent}"
        context = PartContext(name, self._sent, frame.captured)
        message = part_result(
            context,
            inspection,
            self._inspector,
            frames=1,
            station=self._station,
            simulated=True,
            run=self._run,
            action=action_for(inspection.verdict, self._gate),
        )
        latency_ms = round((time.monotonic() - frame.captured) * 1000, 3)
        self._recorder.record(message.model_copy(update={"latency_ms": latency_ms}), frame.image)
        self._sent += 1
        return inspection
