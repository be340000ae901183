"""A running line as systemd, the people who look at it, and Prometheus see it."""

import time
from typing import TYPE_CHECKING

from edge.camera.guard import CameraGuard
from edge.core.frame import Frame
from edge.core.state import State
from edge.core.versions import linegate_version
from edge.service.heartbeat import Flow
from edge.service.notify import Notifier
from edge.service.readings import Readings, numbers
from edge.service.supervisor import Supervisor
from edge.settings.settings import Settings
from edge.station.station import Station

if TYPE_CHECKING:
    from edge.service.metrics import MetricsServer

READY_WITHIN_S = 10.0  # the camera was tried long enough: what comes later does not hold up the start
FAILURES = 10  # so many inspections in a row that raise an error are no accident


class Service:
    """Told of each turn of the line, on the line's own thread; ``readings`` may be read on any.

    Times are monotonic seconds.
    """

    def __init__(
        self, settings: Settings, guard: CameraGuard, station: Station, notifier: Notifier | None = None
    ) -> None:
        self._name = settings.station.name
        self._guard = guard
        self._station = station
        self._supervisor = Supervisor(notifier or Notifier())
        self._flow = Flow()
        # A part may have to wait so long for its frames, and thus for its verdict.
        self._part_s = settings.trigger.patience_s
        self._began = 0.0
        self._captured: float | None = None
        self._counted = ""
        self._state: State = "starting"
        self._metrics = self._metrics_server(settings)

    def start(self, now: float) -> None:
        """The line begins to turn."""
        self._began = now
        if self._metrics is not None:
            self._metrics.start()

    def turn(self, now: float, frame: Frame | None) -> None:
        """The line turned, and handed on this frame if there was one."""
        if frame is not None:
            self._captured = frame.captured
        if frame is not None or self._guard.fault or now - self._began > READY_WITHIN_S:
            self._supervisor.ready()
        self._check_threads(now)
        self._state, reason = self._station.state
        self._supervisor.turn(now, f"{self._state}{f': {reason}' if reason else ''}{self._counted}")

    def count(self) -> None:
        """The counts in the status line are those of now."""
        verdicts = self._station.statistics.verdicts()
        self._counted = f"; {', '.join(f'{count} {verdict}' for verdict, count in verdicts.items())}"

    def stop(self) -> None:
        """The line begins to end."""
        self._supervisor.stopping()
        if self._metrics is not None:
            self._metrics.stop()

    def readings(self) -> Readings:
        """What can be read of the line now."""
        station, captured = self._station, self._captured
        buckets, sum_ms = station.statistics.latency_buckets()
        return Readings(
            info={
                "station": self._name,
                "bundle_sha256": station.bundle_sha256,
                "version": linegate_version(),
            },
            state=self._state,
            verdicts=station.statistics.verdicts(),
            latency_buckets=buckets,
            latency_sum_ms=sum_ms,
            frame_age_s=None if captured is None else time.monotonic() - captured,
            camera_openings=self._guard.openings,
            broker_connected=station.is_connected,
            broker_connections=station.connections,
            counts=numbers(station.counts),
        )

    def _check_threads(self, now: float) -> None:
        """For every sign of life; see edge.service.supervisor."""
        station, check = self._station, self._supervisor.check
        flows = self._flow.goes_on(station.begun, station.statistics.inspected)
        check("verdicts: parts begin and none is decided", now, seen=flows, more_s=self._part_s)
        check("inference: every inspection fails", now, seen=station.failures < FAILURES)
        for name, is_alive in {"the camera's guard": self._guard.is_alive, **station.vital}.items():
            check(name, now, seen=is_alive)

    def _metrics_server(self, settings: Settings) -> "MetricsServer | None":
        if not settings.metrics.port:
            return None
        from edge.service.metrics import MetricsServer, StationCollector

        return MetricsServer(settings.metrics, StationCollector(self.readings))
