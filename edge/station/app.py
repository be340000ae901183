"""The live loop: frames from the guarded camera to the station, until someone says stop.

Threads: the camera guard reads frames; this loop inspects and commands the gate; the broker link
and the outbox serve MQTT. Only this loop touches the model that decides; another thread loads the next.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.camera.guard import CameraGuard
from edge.camera.source import check_source, open_camera
from edge.deployment.deployment import Deployment
from edge.gate.policies import what_may_pass
from edge.settings.camera import AnyCameraSettings
from edge.settings.settings import Settings
from edge.station.health import Service
from edge.station.station import Station

logger = logging.getLogger(__name__)

STATS_EVERY_S = 5.0
DRAIN_S = 5.0
_WAIT_S = 0.1


def camera_for(deployment: Deployment) -> AnyCameraSettings:
    """The camera's settings, with the bits of 16 that the bundle's photographs used where they say none."""
    camera = deployment.settings.camera
    return camera.model_copy(update={"bits": camera.bits or deployment.inspector.manifest.input.bits})


class App:
    """A running station with a camera."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        notes: Sequence[str] = (),
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = deployment.settings
        camera = camera_for(deployment)
        self._notes = notes
        self._max_age_s = camera.max_age_ms / 1000
        check_source(camera)
        self._guard = CameraGuard(lambda: open_camera(camera), camera)
        self._station = Station(
            deployment,
            simulated=not camera.live,  # no part of those lies on the belt now
            journal=Path(deployment.settings.journal.path),
            read_settings=read_settings,
        )
        self._service = Service(deployment.settings, self._guard, self._station)
        # No events: a second signal in the midst of the first would wait for a lock that the first one holds.
        self._is_to_stop = False
        self._is_to_reload = False
        self.lost: str | None = None
        """Why only a new process can have a camera again, after ``run``."""

    @property
    def station(self) -> Station:
        """What the frames are handed to."""
        return self._station

    def request_stop(self) -> None:
        """End the loop soon; may be called from a signal handler."""
        self._is_to_stop = True

    def request_reload(self) -> None:
        """Read the settings again soon; may be called from a signal handler."""
        self._is_to_reload = True

    def run(self) -> int:
        """Run until the source ends or a stop is requested; returns how many verdicts still wait."""
        self._say_what_may_pass()
        self._station.start()
        self._station.alarms.start()
        self._station.run()
        for note in self._notes:
            self._station.complain_of_bundle(note)
        self._guard.start()
        self._service.start(time.monotonic())
        next_stats = time.monotonic() + STATS_EVERY_S
        try:
            while not self._is_to_stop and not self._guard.ended:
                frame = self._guard.next(_WAIT_S)
                self.lost = self._guard.lost
                self._station.camera(self.lost or self._guard.fault, self._guard.ignored)
                if self.lost is not None:
                    break
                if frame is not None:
                    self._station.see(frame, max_age_s=self._max_age_s)
                if self._is_to_reload:
                    self._is_to_reload = False
                    if not self._station.reload():
                        self._is_to_reload = True  # another change is being made: again in a moment
                self._station.poll()
                self._service.turn(time.monotonic(), frame)
                if time.monotonic() >= next_stats:
                    next_stats += STATS_EVERY_S
                    self._publish_stats()
        finally:
            self._service.stop()
            self._guard.stop()
            self._publish_stats()
            waiting = self._station.stop(drain_s=DRAIN_S)
        return waiting

    def _say_what_may_pass(self) -> None:
        level = logging.WARNING if self._settings.camera.live else logging.INFO
        for line in what_may_pass(self._settings.gate):
            logger.log(level, "%s", line)

    def _publish_stats(self) -> None:
        self._station.frames_dropped = self._guard.dropped
        self._station.publish_stats()
        self._service.count()
