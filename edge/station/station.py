"""What happens to each inspection: the gate at once, then the journal, from which MQTT is served."""

import itertools
import logging
import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.alarms.parts import part_rules
from edge.alarms.register import AlarmEvent
from edge.alarms.watch import AlarmWatch, written_folders
from edge.core.decision import Verdict
from edge.core.errors import RequestError
from edge.core.frame import Frame
from edge.core.once import Once
from edge.core.state import State
from edge.deployment.deployment import Deployment
from edge.deployment.manager import DeploymentManager
from edge.deployment.selection import selection_file
from edge.deployment.shadow import Shadow, Shown
from edge.gate.belt import Direction
from edge.gate.controller import GateController
from edge.gate.gate import LATE, NO_ENCODER, GateCommand
from edge.inspection.inspector import Inspection, Inspector, as_fault, fault
from edge.inspection.statistics import Statistics
from edge.inspection.voting import judge_part
from edge.outputs.events import PartDecided, PartInspected, PartSeen
from edge.outputs.named import Wiring, make_outputs
from edge.outputs.outputs import Outputs
from edge.outputs.requests import CommandQueue, WaitingCommand
from edge.records.archive import Archive
from edge.records.recorder import Recorder
from edge.records.result import part_result
from edge.settings.settings import Settings
from edge.station.commands import Commands
from edge.station.inspected_part import InspectedPart
from edge.station.state_report import StateReport
from edge.station.states import States
from edge.trigger.choose import choose_trigger
from edge.trigger.input_line import open_input
from edge.trigger.trigger import PartFrame

logger = logging.getLogger(__name__)

GATE_DRAIN_S = 1.0
ENDED = "the station was stopped"
TOO_LATE = "parts go by without their command: it could not be sent in time (commands_unsent)"


class Station:
    """One inspector with its gate, journal and link to the broker."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        simulated: bool,
        journal: Path,
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        self._settings = settings = deployment.settings
        self._inspector = deployment.inspector
        self._simulated = simulated
        self._gate = settings.gate_of(deployment.inspector.recipe)
        self._run = uuid.uuid4().hex[:12]
        self._numbers = itertools.count()
        self._camera_fault: str | None = None
        self._lot: str | None = None
        self._too_late = 0
        self._failings = Once()
        self.begun = 0
        """How many parts were seen so far."""
        self.failures = 0
        """How many inspections in a row raised an error, up to now."""
        self.frames_dropped = 0
        self.counts: dict[str, Any] = {}
        """What the statistics said last."""
        self.statistics = Statistics()
        self._states = States(latch=settings.station.latch_faults)
        self._waiting = CommandQueue()
        self.alarms = AlarmWatch(
            settings.alarms,
            part_rules(settings.alarms, deployment.inspector),
            say=self._tell_of_alarm,
            folders=written_folders(settings),
        )
        self._recorder = Recorder(
            journal,
            settings.journal,
            station=settings.station.name,
            alarm=self.alarms.tell,
            archive=Archive(settings.archive, alarm=self.alarms.tell) if settings.archive.path else None,
            overdue_s=settings.alarms.outbox_s,
        )
        self._controller = GateController(
            self._gate,
            send=self._send,
            on_missing=self._missing,
            on_confirmed=lambda: self.alarms.tell("bin", None),
        )
        self._outputs = Outputs(
            make_outputs(
                Wiring(
                    settings,
                    run=self._run,
                    receiver=self,
                    results=self._recorder,
                    undelivered=self._not_delivered,
                    missed=self._missed,
                    simulated=simulated,
                )
            )
        )
        bundle_sha256, recipe = deployment.inspector.model.bundle.sha256, deployment.inspector.recipe
        self._report = StateReport(self._states, self._outputs, bundle_sha256=bundle_sha256, recipe=recipe)
        self._trigger = choose_trigger(settings, self)
        self._input = open_input(settings.trigger, self._trigger, is_stopped=lambda: self._states.is_stopped)
        self._shadow = Shadow(self._outputs.disagreement)
        self._manager = DeploymentManager(
            deployment, file=selection_file(journal), take=self._take_over, alarm=self.alarms.tell
        )
        self._commands = Commands(self._waiting, self._states, self._trigger, self._manager, read_settings)
        self._deploy(deployment)

    def start(self) -> None:
        """Start sending; what is absent, such as a broker, is waited for in the background."""
        self._report.repeat()
        self._outputs.start()
        self._recorder.start(self._outputs.courier)
        self._controller.start()
        self._shadow.start()
        self._manager.start()
        if self._input is not None:
            self._input.start()

    def stop(self, *, drain_s: float) -> int:
        """Send what is waiting, for at most ``drain_s``, and leave; returns how many verdicts still wait.

        From now on no part is taken, and who sends parts hears so first.
        """
        self._states.stop(ENDED)
        self._report.update()
        if self._input is not None:
            self._input.stop()
        self._manager.stop()
        self._shadow.stop()
        self._controller.stop(wait_s=GATE_DRAIN_S)
        self._trigger.end(time.monotonic())
        for part_frame in self._trigger.overdue(math.inf):
            self._inspect_frame(part_frame, math.inf)
        self.alarms.stop()
        courier = self._outputs.courier
        is_connected = courier is not None and courier.connection_number is not None
        waiting = self._recorder.stop(drain_s=drain_s if is_connected else 0)
        self._outputs.stop()
        return waiting

    def run(self) -> None:
        """Everything is set up: from now on parts may come."""
        self._trigger.begin(time.monotonic())
        self._states.start()
        self._report.update()

    def reload(self) -> bool:
        """Read the settings again, though no command came; False while another change is being made."""
        return self._commands.reload()

    def complain_of_bundle(self, text: str) -> None:
        """Something is wrong with a bundle that was to decide."""
        self._manager.complain(text)

    def camera(self, fault: str | None, ignored: Sequence[str] = ()) -> None:
        """What is wrong with the camera, or that it gives frames; and which settings it ignores."""
        self.alarms.tell("camera", fault)
        self.alarms.tell("camera-settings", "; ".join(ignored) or None)
        if fault is not None and self._camera_fault is None:
            self._trigger.interrupt()
        self._camera_fault = fault
        self._states.fault("camera", fault)
        self._report.update()

    def see(self, frame: Frame, *, max_age_s: float) -> None:
        """Inspect what the trigger finds on a frame; one that is older than ``max_age_s`` is a fault."""
        if self._states.is_stopped:
            return
        for part_frame in self._trigger.take(frame):
            self._inspect_frame(part_frame, max_age_s)

    def poll(self) -> None:
        """What is to be done also while no frames come; the line calls it some times a second."""
        self._outputs.line_turned()
        for part_frame in self._trigger.overdue(time.monotonic()):
            self._inspect_frame(part_frame, math.inf)
        self._commands.process()
        self._states.fault("gate", self._controller.lost)
        for output, health in self._outputs.health():
            self._states.fault(output.name, health.fault)
            self.alarms.tell(output.alarm, health.trouble)
        self._tell_of_late_commands()
        self._states.fault("trigger", self._trigger.trouble)
        self._report.update()

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> InspectedPart:
        """A part was at the camera; see edge.trigger.trigger.Observer."""
        number = next(self._numbers)
        self.begun = number + 1
        name = part if part is not None else f"{self._run}-p{number}"
        self._outputs.part_seen(PartSeen(name, self.begun, seen))
        tracked = self._controller.expect(name, seen, count=count)
        context = InspectedPart(name, number, seen, lot=self._lot, tracked=tracked, inspector=self._inspector)
        self._report.part(name, None)
        return context

    def watch(self, at: float) -> None:
        """From ``at`` on every part is seen."""
        self._controller.watch(at)

    def unwatch(self, at: float) -> None:
        """From ``at`` on parts may go by unseen."""
        self._controller.unwatch(at)

    def triggered(self, part: str, at: float, count: int | None) -> None:
        """A message says that a part is here; see edge.outputs.requests.Receiver."""
        if self._states.is_stopped:
            raise RequestError("the station is stopped")
        if self._settings.trigger.kind != "message":
            raise RequestError('trigger.kind is not "message"')
        if not self._trigger.announce(part, at, count=count):
            raise RequestError("too many parts wait for their frame")
        if count is not None and self._gate.belt != "encoder":
            # The part is there all the same: the gate makes it a fault.
            raise RequestError(f"count: {NO_ENCODER}; the part is a fault")

    def triggers_heard(self, trouble: str | None, at: float) -> None:
        """Whether messages that parts are here arrive."""
        self._trigger.hear(trouble, at)

    def belt_lost(self, reason: str) -> None:
        """What the belt did is not known any more."""
        self._controller.lose(reason)

    def command(self, waiting: WaitingCommand) -> None:
        """Done on the line's own thread, at its next turn."""
        self._waiting.put(waiting)

    def belt_moves(self, direction: Direction, at: float) -> None:
        """The belt goes this way from now on."""
        self._controller.move(direction, at)

    def belt_counts(self, count: int, at: float) -> None:
        """The encoder stands here."""
        self._controller.count(count, at)

    def confirmed(self) -> None:
        """A rejected part is in the bin."""
        self._controller.confirm()

    def lot_begins(self, lot: str | None) -> None:
        """Parts that are seen from now on are of this lot."""
        self._lot = lot

    @property
    def state(self) -> tuple[State, str | None]:
        """The state and its reason."""
        return self._states.current

    @property
    def bundle_sha256(self) -> str:
        """What decides."""
        return self._inspector.model.bundle.sha256

    @property
    def vital(self) -> dict[str, bool]:
        """Whether each thread that must go on for ever still does."""
        threads = {"the gate": self._controller.is_alive, "the recorder": self._recorder.is_alive}
        if self._input is not None:
            threads["the trigger's line"] = self._input.is_alive
        return threads | {output.name: health.is_alive for output, health in self._outputs.health()}

    @property
    def is_connected(self) -> bool:
        """Whether an output that wants a connection has one."""
        return any(health.connected for _, health in self._outputs.health())

    @property
    def connections(self) -> int:
        """How often an output was connected since the start."""
        return sum(health.connections for _, health in self._outputs.health())

    def publish_stats(self) -> None:
        """Publish the counts."""
        counts = self._controller.counts
        self.counts = {
            "inspected": self.statistics.inspected,
            "verdicts": self.statistics.verdicts(),
            "latency_ms": self.statistics.latency_ms(),
            "frames_dropped": self.frames_dropped,
            "commands_sent": self.statistics.commands_sent,
            "commands_unsent": counts.too_late + self.statistics.commands_missed,
            "parts_in_flight": self._controller.in_flight,
            "parts_too_close": counts.too_close,
            "parts_too_many": counts.too_many,
            "passes_not_withheld": counts.not_withheld,
            "rejects_unconfirmed": counts.unconfirmed,
            "bin_unexpected": counts.unexpected,
            "messages_refused": sum(health.refused for _, health in self._outputs.health()),
            "alarms": self.alarms.raised,
            **self._recorder.counts(),
            "shadow": self._shadow.summary(),
        }
        self._outputs.statistics(self.counts)

    def _inspect_frame(self, part_frame: PartFrame[InspectedPart], max_age_s: float) -> None:
        """Inspect a frame of a part, and after its last one decide."""
        context, frame = part_frame.context, part_frame.frame
        if frame is not None:
            context.inspections.append(self._inspect(self._checked(frame, max_age_s), context.inspector))
        if part_frame.is_last:
            self._decide(context)
            self._states.run()
            self._report.update()
        if frame is not None:  # after the gate: the last bundle may be asked as well, and that takes a while
            self._manager.judge(context.inspector, context.inspections[-1])

    def _checked(self, frame: Frame, max_age_s: float) -> Frame:
        """With a fault where no bundle is to be asked about it."""
        age = time.monotonic() - frame.captured
        if self._states.latched is not None:
            return replace(frame, fault=f"{self._states.latched}; over, waits for a reset")
        if age > max_age_s:
            return replace(frame, fault=f"the frame is {age * 1000:.0f} ms old")
        if frame.fault is None and self._camera_fault is not None:
            return replace(frame, fault=self._camera_fault)  # good, but what came after it was not
        return frame

    def _inspect(self, frame: Frame, inspector: Inspector) -> Inspection:
        if frame.fault is not None:
            return fault(frame, frame.fault)
        try:
            inspection = inspector.inspect(frame)
        except Exception as error:  # whatever the runtime raises, the part must not pass as ok
            if self._failings.is_new(f"{type(error).__name__}: {error}"):
                logger.exception("inspection: fails")
            self.failures += 1
            return fault(frame, f"{type(error).__name__}: {error}")
        if self.failures:
            logger.warning("inspection: works again after %d that failed", self.failures)
            self.failures = 0
            self._failings.clear()
        return inspection

    def _decide(self, context: InspectedPart) -> Inspection:
        """Tell the gate what was found of a part, then the journal."""
        inspection = found = judge_part(
            context, context.inspections, self._settings.trigger.vote, context.inspector
        )
        if context.trouble is not None and inspection.verdict != Verdict.FAULT:
            inspection = as_fault(inspection, context.trouble)
        trouble = self._controller.decide(context.tracked, inspection.verdict)
        if trouble is not None:
            if trouble == LATE:
                self._manager.judge_late(context.inspector)
            inspection = as_fault(inspection, trouble)
        # The manifest's scores are of single photographs, so the first frame stands for the part.
        score = context.inspections[0].score if context.inspections else None
        action = self._controller.action(inspection.verdict)
        self.alarms.part(score, rejected=action == "reject")
        self._outputs.part_decided(PartDecided(context.part, context.number + 1, inspection.verdict))
        latency_ms = round((time.monotonic() - context.seen) * 1000, 3)
        inspection = replace(inspection, latency_ms=latency_ms)
        self._report.part(context.part, inspection.verdict, passes=action == "pass")
        message = part_result(
            context,
            inspection,
            context.inspector,
            frames=len(context.inspections),
            station=self._settings.station.name,
            simulated=self._simulated,
            run=self._run,
            action=action,
        )
        self._recorder.record(message, inspection.frame.image)
        self._outputs.part_inspected(PartInspected(message, inspection, context.inspector))
        self._show_shadow(context, found, message.id)
        self.statistics.add(inspection)
        return inspection

    def _take_over(self, deployment: Deployment) -> None:
        """Something else decides on the parts that are seen from now on."""
        if deployment.settings.log != self._settings.log:
            logging.getLogger().setLevel(deployment.settings.log.level.upper())
        self._recorder.archive_by(deployment.settings.archive)
        if deployment.inspector is not self._inspector or deployment.settings.alarms != self._settings.alarms:
            self.alarms.judge_by(part_rules(deployment.settings.alarms, deployment.inspector))
        self._deploy(deployment)
        self._report.repeat()

    def _deploy(self, deployment: Deployment) -> None:
        settings, inspector = deployment.settings, deployment.inspector
        self._settings = settings
        self._inspector = inspector  # before the gate: a part between the two is none of the new gate
        gate = settings.gate_of(inspector.recipe)
        if gate != self._gate:
            self._gate = gate
            self._controller.change(gate)
        self._trigger.pace(gate.min_gap_ms / 1000)
        self._report.deployed(inspector.model.bundle.sha256, inspector.recipe)
        self._shadow.use(deployment.shadow, most_waiting=settings.shadow.queue)

    def _show_shadow(self, context: InspectedPart, decided: Inspection, id_: str) -> None:
        inspector, frames = context.inspector, [inspection.frame for inspection in context.inspections]
        if frames and self._shadow.wants(inspector) and not any(frame.fault for frame in frames):
            how, bundle_sha256 = self._settings.trigger.vote, inspector.model.bundle.sha256
            self._shadow.show(Shown(context.part, id_, frames, how, decided, bundle_sha256))

    def _tell_of_late_commands(self) -> None:
        """No broker, or a device that is busy: a part that had to be rejected may have passed."""
        too_late = self._controller.counts.too_late
        self.alarms.tell("gate", TOO_LATE if too_late > self._too_late else None)
        self._too_late = too_late

    def _missing(self, parts: list[str]) -> None:
        """Parts that should be in the bin and were not seen there."""
        for part in parts:
            logger.error("gate: part %s was rejected and not seen in the bin", part)
        self.alarms.tell("bin", "a rejected part was not seen in the bin", part=parts[0])

    def _missed(self, commands: int) -> None:
        """The ejector's pin was late for commands, and left them."""
        self.statistics.commands_came_to_nothing(commands)
        logger.error("gate: %d commands came too late for the pin of the ejector", commands)
        self.alarms.tell("pins", f"pins.ejector: {commands} commands came too late")

    def _send(self, command: GateCommand) -> bool:
        """Called by whichever thread made a command due."""
        sent = self._outputs.command(command)
        if sent:
            self.statistics.command_sent()
        return sent

    def _tell_of_alarm(self, event: AlarmEvent) -> None:
        self._outputs.alarm_changed(event)

    def _not_delivered(self, command: GateCommand) -> None:
        """The broker did not take a command; called on the link's thread."""
        if not self._outputs.carries_out:  # the pin has it
            self.statistics.command_refused()
            self._controller.undelivered(command)
