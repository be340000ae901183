"""Report a decision after the gate has it: outputs, record, archive, shadow, statistics."""

from dataclasses import dataclass

from edge.alarms.watch import AlarmWatch
from edge.deployment.shadow import Shadow, Shown
from edge.inspection.heat import heatmap_of
from edge.inspection.inspector import Inspection
from edge.inspection.statistics import Statistics
from edge.inspection.voting import Vote
from edge.outputs.events import PartDecided, PartInspected
from edge.outputs.outputs import Outputs
from edge.records.recorder import Recorder
from edge.records.result import part_result
from edge.settings.gate import Action
from edge.station.parts import InspectedPart
from edge.station.state_report import StateReport


@dataclass(frozen=True)
class Results:
    """Reports decisions without waiting. ``run`` is the prefix of the ids of results since this start."""

    station: str
    run: str
    vote: Vote
    simulated: bool
    outputs: Outputs
    report: StateReport
    alarms: AlarmWatch
    recorder: Recorder
    shadow: Shadow
    counts: Statistics

    def tell(self, part: InspectedPart, inspection: Inspection, action: Action, *, found: Inspection) -> None:
        """Report a part decided by ``inspection``; ``found`` is the result from its frames alone."""
        # The manifest's scores are of single photographs, so the first frame stands for the part.
        score = part.inspections[0].score if part.inspections else None
        self.alarms.part(score, rejected=action == "reject")
        self.outputs.part_decided(PartDecided(part.part, part.number + 1, inspection.verdict))
        self.report.part(part.part, inspection.verdict, passes=action == "pass")
        message = part_result(
            part,
            inspection,
            part.inspector,
            frames=len(part.inspections),
            station=self.station,
            simulated=self.simulated,
            run=self.run,
            action=action,
        )
        self.recorder.record(message, inspection.frame.image, heatmap_of(inspection, part.inspector))
        self.outputs.part_inspected(PartInspected(message, inspection, part.inspector))
        self._show_shadow(part, found, message.id)
        self.counts.add(inspection)

    def _show_shadow(self, part: InspectedPart, decided: Inspection, id_: str) -> None:
        frames = [inspection.frame for inspection in part.inspections]
        if frames and self.shadow.wants(part.inspector) and not any(frame.fault for frame in frames):
            bundle_sha256 = part.inspector.model.bundle.sha256
            self.shadow.show(Shown(part.part, id_, frames, self.vote, decided, bundle_sha256))
