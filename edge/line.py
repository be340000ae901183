"""The live loop: frames from the guarded camera to the station, until someone says stop.

Threads: the camera guard reads frames; this loop inspects and commands the gate; the broker link
and the outbox serve MQTT. Only this loop touches the model.
"""

import threading
import time
from pathlib import Path

from edge.camera.guard import CameraGuard
from edge.camera.source import check_source, open_camera
from edge.inspector import Inspector
from edge.settings import Settings
from edge.station import Station

STATS_EVERY_S = 5.0
DRAIN_S = 5.0
_WAIT_S = 0.1


class Line:
    """A running station with a camera."""

    def __init__(self, settings: Settings, inspector: Inspector) -> None:
        camera = settings.camera
        self._max_age_s = camera.max_age_ms / 1000
        check_source(camera)
        self._guard = CameraGuard(lambda: open_camera(camera), camera)
        self._station = Station(
            settings,
            inspector,
            simulated=camera.source == "simulated",
            journal=Path(settings.journal.path),
        )
        self._stop = threading.Event()
        self.lost: str | None = None
        """Why only a new process can have a camera again, after ``run``."""

    @property
    def station(self) -> Station:
        """What the frames are handed to."""
        return self._station

    def request_stop(self) -> None:
        """End the loop soon; may be called from a signal handler."""
        self._stop.set()

    def run(self) -> int:
        """Run until the source ends or a stop is requested; returns how many verdicts still wait."""
        self._station.start()
        self._station.alarms.start()
        self._station.run()
        self._guard.start()
        next_stats = time.monotonic() + STATS_EVERY_S
        try:
            while not self._stop.is_set() and not self._guard.ended:
                frame = self._guard.next(_WAIT_S)
                self.lost = self._guard.lost
                self._station.camera(self.lost or self._guard.fault, self._guard.ignored)
                if self.lost is not None:
                    break
                if frame is not None:
                    self._station.see(frame, max_age_s=self._max_age_s)
                self._station.tend()
                if time.monotonic() >= next_stats:
                    next_stats += STATS_EVERY_S
                    self._publish_stats()
        finally:
            self._guard.stop()
            self._publish_stats()
            waiting = self._station.stop(drain_s=DRAIN_S)
        return waiting

    def _publish_stats(self) -> None:
        self._station.frames_dropped = self._guard.dropped
        self._station.publish_stats()
