"""From a frame to a decision: trigger, inspection, gate. edge.station.results does the rest."""

import logging
import math
import time
from dataclasses import replace

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.once import Once
from edge.deployment.manager import DeploymentManager
from edge.gate.controller import GateController
from edge.gate.gate import LATE
from edge.inspection.inspector import Inspection, Inspector, as_fault, fault
from edge.inspection.voting import Vote, judge_part
from edge.station.parts import InspectedPart
from edge.station.results import Results
from edge.station.state_report import StateReport
from edge.station.states import States
from edge.trigger.trigger import PartFrame, Trigger

logger = logging.getLogger(__name__)


class Pipeline:
    """Decides on parts, on the line's own thread. ``failures`` may be read on any."""

    def __init__(
        self,
        trigger: Trigger[InspectedPart],
        controller: GateController,
        manager: DeploymentManager,
        states: States,
        report: StateReport,
        results: Results,
        *,
        vote: Vote,
    ) -> None:
        self._trigger = trigger
        self._controller = controller
        self._manager = manager
        self._states = states
        self._report = report
        self._results = results
        self._vote = vote
        self._camera_fault: str | None = None
        self._failings = Once()
        self._failures = 0

    @property
    def failures(self) -> int:
        """Number of consecutive inspections, up to now, that raised an error."""
        return self._failures

    def camera(self, fault: str | None) -> None:
        """Set the camera's fault, or None while it works."""
        if fault is not None and self._camera_fault is None:
            self._trigger.interrupt()
        self._camera_fault = fault

    def see(self, frame: Frame, *, max_age_s: float) -> None:
        """Inspect the parts that the trigger finds on a frame; one older than ``max_age_s`` is a fault."""
        if self._states.is_stopped:
            return
        for part_frame in self._trigger.take(frame):
            self.inspect(part_frame, max_age_s=max_age_s)

    def decide_overdue(self, now: float) -> None:
        """Make faults of parts whose frames did not come by ``now``."""
        for part_frame in self._trigger.overdue(now):
            self.inspect(part_frame, max_age_s=math.inf)

    def stop(self) -> None:
        """Stop watching; parts still waiting for frames become faults."""
        self._trigger.end(time.monotonic())
        self.decide_overdue(math.inf)

    def inspect(self, part_frame: PartFrame[InspectedPart], *, max_age_s: float) -> None:
        """Inspect a frame of a part, and decide after its last one."""
        part, frame = part_frame.context, part_frame.frame
        if frame is not None:
            part.inspections.append(self._inspect(self._checked(frame, max_age_s), part.inspector))
        if part_frame.is_last:
            self._decide(part)
            self._states.run()
            self._report.update()
        if frame is not None:  # after the gate: the last bundle may be asked as well, and that takes a while
            self._manager.judge(part.inspector, part.inspections[-1])

    def _checked(self, frame: Frame, max_age_s: float) -> Frame:
        """Return the frame, with a fault if it is not to be inspected."""
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
            self._failures += 1
            return fault(frame, f"{type(error).__name__}: {error}")
        if self._failures:
            logger.warning("inspection: works again after %d that failed", self._failures)
            self._failures = 0
            self._failings.clear()
        return inspection

    def _decide(self, part: InspectedPart) -> None:
        """Report the decision on a part to the gate first, then to all others."""
        found = inspection = judge_part(part, part.inspections, self._vote, part.inspector)
        if part.trouble is not None and inspection.verdict != Verdict.FAULT:
            inspection = as_fault(inspection, part.trouble)
        refusal = self._controller.decide(part.tracked, inspection.verdict)
        if refusal is not None:
            if refusal == LATE:
                self._manager.judge_late(part.inspector)
            inspection = as_fault(inspection, refusal)
        latency_ms = round((time.monotonic() - part.seen) * 1000, 3)
        action = self._controller.action(inspection.verdict)
        self._results.tell(part, replace(inspection, latency_ms=latency_ms), action, found=found)
