"""Switch a station to another deployment between two parts, component by component in a set order."""

import logging

from edge.alarms.parts import part_rules
from edge.alarms.watch import AlarmWatch
from edge.deployment.deployment import Deployment
from edge.deployment.shadow import Shadow
from edge.gate.controller import GateController
from edge.records.recorder import Recorder
from edge.station.parts import InspectedPart, SeenParts
from edge.station.state_report import StateReport
from edge.trigger.trigger import Trigger


class Deployer:
    """Switches a station to another deployment, on the line's own thread."""

    def __init__(
        self,
        deployment: Deployment,
        *,
        parts: SeenParts,
        controller: GateController,
        trigger: Trigger[InspectedPart],
        report: StateReport,
        shadow: Shadow,
        recorder: Recorder,
        alarms: AlarmWatch,
    ) -> None:
        self._now = deployment
        self._parts = parts
        self._controller = controller
        self._trigger = trigger
        self._report = report
        self._shadow = shadow
        self._recorder = recorder
        self._alarms = alarms
        trigger.pace(deployment.settings.gate_of(deployment.inspector.recipe).min_gap_ms / 1000)
        shadow.use(deployment.shadow, most_waiting=deployment.settings.shadow.queue)

    def take(self, deployment: Deployment) -> None:
        """Use this deployment for parts seen from now on."""
        before, self._now = self._now, deployment
        settings, inspector = deployment.settings, deployment.inspector
        if settings.log != before.settings.log:
            logging.getLogger().setLevel(settings.log.level.upper())
        self._recorder.archive_by(settings.archive)
        if inspector is not before.inspector or settings.alarms != before.settings.alarms:
            self._alarms.judge_by(part_rules(settings.alarms, inspector))
        self._parts.inspect_by(inspector)  # before the gate: a part between the two is none of the new gate
        gate = settings.gate_of(inspector.recipe)
        if gate != before.settings.gate_of(before.inspector.recipe):
            self._controller.change(gate)
        self._trigger.pace(gate.min_gap_ms / 1000)
        self._report.deployed(inspector.model.bundle.sha256, inspector.recipe)
        self._shadow.use(deployment.shadow, most_waiting=settings.shadow.queue)
        self._report.repeat()
