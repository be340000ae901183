"""Health of a station: faults and alarms, vital signs and statistics, and their reports."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.alarms.watch import AlarmWatch
from edge.camera.guard import CameraGuard
from edge.core.frame import Frame
from edge.core.state import State
from edge.core.versions import linegate_version
from edge.deployment.manager import DeploymentManager
from edge.deployment.shadow import Shadow
from edge.gate.controller import GateController
from edge.inspection.statistics import Statistics
from edge.outputs.outputs import Outputs
from edge.outputs.statistics import StationStatistics
from edge.records.recorder import Recorder
from edge.service.heartbeat import Flow
from edge.service.notify import Notifier
from edge.service.readings import Latencies, Readings, temperatures
from edge.service.supervisor import Supervisor
from edge.settings.alarms import Alarm
from edge.settings.settings import Settings
from edge.station.parts import InspectedPart, SeenParts
from edge.station.pipeline import Pipeline
from edge.station.states import States
from edge.trigger.inputs import InputLine
from edge.trigger.trigger import Trigger

if TYPE_CHECKING:
    from edge.service.metrics import MetricsServer

READY_WITHIN_S = 10.0  # the camera was tried long enough: what comes later does not hold up the start
FAILURES = 10  # so many inspections in a row that raise an error are no accident
TOO_LATE = "parts go by without their command: it could not be sent in time (commands_unsent)"


@dataclass(frozen=True)
class Vitals:
    """Vital signs: parts seen and decided, consecutive failed inspections, and whether each thread lives."""

    state: State
    reason: str | None
    seen: int
    decided: int
    failures: int
    threads: Mapping[str, bool]


class Health:
    """Health of a station, from its components. Thread-safe, but ``poll`` is for the line's own thread."""

    def __init__(
        self,
        *,
        states: States,
        alarms: AlarmWatch,
        parts: SeenParts,
        pipeline: Pipeline,
        trigger: Trigger[InspectedPart],
        input_line: InputLine | None,
        controller: GateController,
        outputs: Outputs,
        recorder: Recorder,
        shadow: Shadow,
        manager: DeploymentManager,
        counts: Statistics,
    ) -> None:
        self._states = states
        self._alarms = alarms
        self._parts = parts
        self._pipeline = pipeline
        self._trigger = trigger
        self._input_line = input_line
        self._controller = controller
        self._outputs = outputs
        self._recorder = recorder
        self._shadow = shadow
        self._manager = manager
        self._counts = counts
        self._too_late = 0

    def poll(self) -> None:
        """Report present faults and troubles to states and alarms."""
        self._states.fault("gate", self._controller.lost)
        for output, health in self._outputs.health():
            self._states.fault(output.name, health.fault)
            if output.alarm is not None:
                self._alarms.tell(output.alarm, health.trouble)
        self._tell_of_late_commands()
        self._states.fault("trigger", self._trigger.trouble)

    def vitals(self) -> Vitals:
        """Return the vital signs."""
        threads = {"the gate": self._controller.is_alive, "the recorder": self._recorder.is_alive}
        if self._input_line is not None:
            threads["the trigger's line"] = self._input_line.is_alive
        threads |= {output.name: health.is_alive for output, health in self._outputs.health()}
        state, reason = self._states.current
        failures, decided = self._pipeline.failures, self._counts.inspected
        return Vitals(state, reason, self._parts.count, decided, failures, threads)

    def statistics(self, *, frames_dropped: int) -> StationStatistics:
        """Return counts since the start; ``frames_dropped`` comes from the camera guard."""
        gate, counts, recorder = self._controller.counts, self._counts, self._recorder
        return StationStatistics(
            inspected=counts.inspected,
            verdicts=counts.verdicts(),
            latency_ms=counts.latency_ms(),
            frames_dropped=frames_dropped,
            commands_sent=counts.commands_sent,
            commands_unsent=gate.too_late + counts.commands_missed,
            parts_in_flight=self._controller.in_flight,
            parts_too_close=gate.too_close,
            parts_too_many=gate.too_many,
            passes_not_withheld=gate.not_withheld,
            rejects_unconfirmed=gate.unconfirmed,
            bin_unexpected=gate.unexpected,
            messages_refused=sum(health.refused for _, health in self._outputs.health()),
            alarms=[*self._alarms.raised],
            outbox=recorder.waiting,
            records_dropped=recorder.dropped,
            records_unwritten=recorder.unwritten,
            written_bytes_hour=recorder.written_bytes_hour,
            archive=recorder.archive,
            shadow=self._shadow.statistics,
        )

    def readings(self, station: str, *, camera: CameraGuard, frame_age_s: float | None) -> Readings:
        """Return all present readings of the station."""
        outputs = [health for _, health in self._outputs.health()]
        return Readings(
            statistics=self.statistics(frames_dropped=camera.dropped),
            station={
                "station": station,
                "bundle_sha256": self._manager.deployment.inspector.model.bundle.sha256,
                "version": linegate_version(),
            },
            state=self._states.current[0],
            latency_seconds=Latencies(*self._counts.latency_buckets()),
            frame_age_seconds=frame_age_s,
            camera_openings=camera.openings,
            broker_connected=any(health.connected for health in outputs),
            broker_connections=sum(health.connections for health in outputs),
            temperature_celsius=temperatures(),
        )

    def _tell_of_late_commands(self) -> None:
        """Raise an alarm if commands were too late since the last call: a part to reject may have passed."""
        too_late = self._controller.counts.too_late
        self._alarms.tell(Alarm.GATE, TOO_LATE if too_late > self._too_late else None)
        self._too_late = too_late


class Service:
    """Reports to systemd and Prometheus, on the line's own thread except as stated.

    Times are monotonic seconds.
    """

    def __init__(
        self, settings: Settings, guard: CameraGuard, health: Health, notifier: Notifier | None = None
    ) -> None:
        self._name = settings.station.name
        self._guard = guard
        self._health = health
        self._supervisor = Supervisor(notifier or Notifier())
        self._flow = Flow()
        # A part may have to wait so long for its frames, and thus for its verdict.
        self._part_s = settings.trigger.patience_s
        self._began = 0.0
        self._captured: float | None = None
        self._counted = ""
        self._metrics = self._metrics_server(settings)

    def start(self, now: float) -> None:
        """Note that the line starts, and start the metrics server."""
        self._began = now
        if self._metrics is not None:
            self._metrics.start()

    def turn(self, now: float, frame: Frame | None) -> None:
        """Note a turn of the line, with its frame if there was one; check vital signs and notify systemd."""
        if frame is not None:
            self._captured = frame.captured
        if frame is not None or self._guard.fault or now - self._began > READY_WITHIN_S:
            self._supervisor.ready()
        vitals = self._health.vitals()
        self._check(vitals, now)
        reason = f": {vitals.reason}" if vitals.reason else ""
        self._supervisor.turn(now, f"{vitals.state}{reason}{self._counted}")

    def count(self, statistics: StationStatistics) -> None:
        """Set the counts in the status line."""
        self._counted = f"; {', '.join(f'{n} {verdict}' for verdict, n in statistics.verdicts.items())}"

    def stop(self) -> None:
        """Note that the line stops, and stop the metrics server."""
        self._supervisor.stopping()
        if self._metrics is not None:
            self._metrics.stop()

    def readings(self) -> Readings:
        """Return the present readings of the line. Thread-safe."""
        captured = self._captured
        age_s = None if captured is None else time.monotonic() - captured
        return self._health.readings(self._name, camera=self._guard, frame_age_s=age_s)

    def _check(self, vitals: Vitals, now: float) -> None:
        """Check every vital sign; see edge.service.supervisor."""
        check = self._supervisor.check
        flows = self._flow.goes_on(vitals.seen, vitals.decided)
        check("verdicts: parts begin and none is decided", now, seen=flows, more_s=self._part_s)
        check("inference: every inspection fails", now, seen=vitals.failures < FAILURES)
        for name, is_alive in {"the camera's guard": self._guard.is_alive, **vitals.threads}.items():
            check(name, now, seen=is_alive)

    def _metrics_server(self, settings: Settings) -> "MetricsServer | None":
        if not settings.metrics.port:
            return None
        from edge.service.metrics import MetricsServer, StationCollector

        return MetricsServer(settings.metrics, StationCollector(self.readings))
