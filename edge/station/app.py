"""The running station: its components, started in order and stopped in reverse.

Threads: the camera guard reads frames; the line's own loop (`App.run`) inspects and commands the gate;
outputs, journal, archive, alarms and shadow have threads of their own. Only the loop touches the model that
decides; another thread loads the next.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.alarms.parts import part_rules
from edge.alarms.watch import AlarmWatch, written_folders
from edge.camera.depth import Depth
from edge.camera.guard import CameraGuard
from edge.camera.source import check_source, open_camera
from edge.core.frame import Frame
from edge.deployment.deployment import Deployment
from edge.deployment.manager import DeploymentManager
from edge.deployment.selection import selection_file
from edge.deployment.shadow import Shadow
from edge.gate.controller import GateController
from edge.gate.policies import what_may_pass
from edge.inspection.statistics import Statistics
from edge.outputs.named import Wiring, make_outputs
from edge.outputs.outputs import Outputs
from edge.outputs.requests import CommandQueue
from edge.records.archive import Archive
from edge.records.recorder import Recorder
from edge.settings.alarms import Alarm
from edge.settings.settings import Settings
from edge.station.commands import Commands
from edge.station.deployer import Deployer
from edge.station.gate_commands import GateCommands
from edge.station.health import Health, Service
from edge.station.parts import SeenParts
from edge.station.pipeline import Pipeline
from edge.station.requests import Requests
from edge.station.results import Results
from edge.station.state_report import StateReport
from edge.station.states import States
from edge.trigger.choose import choose_trigger
from edge.trigger.input_line import open_input

logger = logging.getLogger(__name__)

STATS_EVERY_S = 5.0
DRAIN_S = 5.0
GATE_DRAIN_S = 1.0
ENDED = "the station was stopped"
_WAIT_S = 0.1


class Station:
    """Everything between camera and outputs; each component refers only to those created before it.

    ``outputs`` alone is completed at the end, since inbound messages concern every component; until then it
    reports to none.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        simulated: bool,
        journal: Path,
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        settings, inspector, run = deployment.settings, deployment.inspector, uuid.uuid4().hex[:12]
        name, vote, gate = settings.station.name, settings.trigger.vote, settings.gate_of(inspector.recipe)
        self.outputs = outputs = Outputs()
        self.counts = counts = Statistics()
        self.states = states = States(latch=settings.station.latch_faults)
        self.report = report = StateReport(
            states, outputs, bundle_sha256=inspector.model.bundle.sha256, recipe=inspector.recipe
        )
        self.alarms = alarms = AlarmWatch(
            settings.alarms,
            part_rules(settings.alarms, inspector),
            say=outputs.alarm_changed,
            folders=written_folders(settings),
        )
        self.recorder = recorder = Recorder(
            journal,
            settings.journal,
            station=name,
            alarm=alarms.tell,
            archive=Archive(settings.archive, alarm=alarms.tell) if settings.archive.path else None,
            overdue_s=settings.alarms.outbox_s,
        )
        gate_commands = GateCommands(outputs, counts, alarms)
        self.controller = controller = GateController(
            gate,
            send=gate_commands.send,
            on_missing=gate_commands.unconfirmed,
            on_confirmed=gate_commands.confirmed,
        )
        self.parts = parts = SeenParts(run, inspector, controller, outputs, report)
        self.trigger = trigger = choose_trigger(settings, parts)
        self.input_line = open_input(settings.trigger, trigger, is_stopped=lambda: states.is_stopped)
        self.shadow = shadow = Shadow(outputs.disagreement)
        self.deployer = Deployer(
            deployment,
            parts=parts,
            controller=controller,
            trigger=trigger,
            report=report,
            shadow=shadow,
            recorder=recorder,
            alarms=alarms,
        )
        self.manager = manager = DeploymentManager(
            deployment, file=selection_file(journal), take=self.deployer.take, alarm=alarms.tell
        )
        results = Results(name, run, vote, simulated, outputs, report, alarms, recorder, shadow, counts)
        self.pipeline = Pipeline(trigger, controller, manager, states, report, results, vote=vote)
        waiting = CommandQueue()
        self.commands = Commands(waiting, states, trigger, manager, read_settings)
        self.health = Health(
            states=states,
            alarms=alarms,
            parts=parts,
            pipeline=self.pipeline,
            trigger=trigger,
            input_line=self.input_line,
            controller=controller,
            outputs=outputs,
            recorder=recorder,
            shadow=shadow,
            manager=manager,
            counts=counts,
        )
        self.requests = Requests(settings, states, parts, trigger, controller, gate_commands, waiting)
        wiring = Wiring(
            settings,
            run=run,
            receiver=self.requests,
            results=recorder.outbox,
            undelivered=self.requests.undelivered,
            missed=gate_commands.missed,
            simulated=simulated,
        )
        outputs.join(make_outputs(wiring))

    def start(self) -> None:
        """Start every component; an absent peer, such as a broker, is waited for in the background."""
        self.report.repeat()
        self.outputs.start()
        self.recorder.start(self.outputs.couriers)
        self.alarms.start()
        self.controller.start()
        self.shadow.start()
        self.manager.start()
        if self.input_line is not None:
            self.input_line.start()
        self.trigger.begin(time.monotonic())
        self.states.start()
        self.report.update()

    def stop(self, *, drain_s: float) -> int:
        """Send what is waiting, for at most ``drain_s``, and stop; return the number of unsent results.

        No part is accepted from now on, and the outputs are told so first.
        """
        self.states.stop(ENDED)
        self.report.update()
        if self.input_line is not None:
            self.input_line.stop()
        self.manager.stop()
        self.shadow.stop()
        self.controller.stop(wait_s=GATE_DRAIN_S)
        self.pipeline.stop()
        self.alarms.stop()
        is_connected = any(courier.connection_number is not None for courier in self.outputs.couriers)
        waiting = self.recorder.stop(drain_s=drain_s if is_connected else 0)
        self.outputs.stop()
        return waiting

    def see(self, frame: Frame, *, max_age_s: float) -> None:
        """Process a frame of the camera; one older than ``max_age_s`` is a fault."""
        self.pipeline.see(frame, max_age_s=max_age_s)

    def camera(self, fault: str | None, ignored: Sequence[str] = ()) -> None:
        """Set the camera's fault, or None while it works, and the settings that it ignores."""
        self.alarms.tell(Alarm.CAMERA, fault)
        self.alarms.tell(Alarm.CAMERA_SETTINGS, "; ".join(ignored) or None)
        self.pipeline.camera(fault)
        self.states.fault("camera", fault)
        self.report.update()

    def poll(self) -> None:
        """Do the periodic work, with or without frames; called by the loop several times a second."""
        self.outputs.line_turned()
        self.pipeline.decide_overdue(time.monotonic())
        self.commands.process()
        self.health.poll()
        self.report.update()


class App:
    """A station with a camera, run until its source ends or a stop is requested."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        notes: Sequence[str] = (),
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings = deployment.settings
        camera = settings.camera
        self._depth = depth = Depth(deployment.inspector.bits)
        self._notes = notes
        self._max_age_s = camera.max_age_ms / 1000
        check_source(camera)
        self._guard = CameraGuard(lambda: open_camera(camera, depth), camera)
        self.station = Station(
            deployment,
            simulated=not camera.live,  # no part of those lies on the belt now
            journal=Path(settings.journal.path),
            read_settings=read_settings,
        )
        self._service = Service(settings, self._guard, self.station.health)
        # No events: a second signal in the midst of the first would wait for a lock that the first one holds.
        self._is_to_stop = False
        self._is_to_reload = False
        self.lost: str | None = None
        """Reason why only a new process can recover the camera, or None; set by ``run``."""

    def request_stop(self) -> None:
        """Request the end of the loop; safe in a signal handler."""
        self._is_to_stop = True

    def request_reload(self) -> None:
        """Request that the settings be read again; safe in a signal handler."""
        self._is_to_reload = True

    def run(self) -> int:
        """Run until the source ends or a stop is requested; return the number of unsent results."""
        self._say_what_may_pass()
        self.station.start()
        for note in self._notes:
            self.station.manager.complain(note)
        self._guard.start()
        self._service.start(time.monotonic())
        try:
            self._loop()
        finally:
            self._service.stop()
            self._guard.stop()
            self._publish_statistics()
            waiting = self.station.stop(drain_s=DRAIN_S)
        return waiting

    def _loop(self) -> None:
        next_statistics = time.monotonic() + STATS_EVERY_S
        while not self._is_to_stop and not self._guard.ended:
            frame = self._guard.next(_WAIT_S)
            self.lost = self._guard.lost
            self.station.camera(self.lost or self._guard.fault, self._guard.ignored)
            if self.lost is not None:
                break
            if frame is not None:
                self.station.see(frame, max_age_s=self._max_age_s)
            if self._is_to_reload:
                self._is_to_reload = False
                if not self.station.commands.reload():
                    self._is_to_reload = True  # another change is being made: again in a moment
            self.station.poll()
            self._depth.bits = self.station.manager.deployment.inspector.bits
            self._service.turn(time.monotonic(), frame)
            if time.monotonic() >= next_statistics:
                next_statistics += STATS_EVERY_S
                self._publish_statistics()

    def _say_what_may_pass(self) -> None:
        level = logging.WARNING if self._settings.camera.live else logging.INFO
        for line in what_may_pass(self._settings.gate):
            logger.log(level, "%s", line)

    def _publish_statistics(self) -> None:
        statistics = self.station.health.statistics(frames_dropped=self._guard.dropped)
        self.station.outputs.statistics(statistics)
        self._service.count(statistics)
