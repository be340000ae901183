"""Register parts as they are seen: each is named, numbered and tracked by the gate before its inspection."""

import itertools
from dataclasses import dataclass, field

from edge.gate.controller import GateController
from edge.gate.gate import TrackedPart
from edge.inspection.inspector import Inspection, Inspector
from edge.outputs.events import PartSeen
from edge.outputs.outputs import Outputs
from edge.station.state_report import StateReport
from edge.trigger.trigger import PartContext


@dataclass(eq=False, kw_only=True)
class InspectedPart(PartContext):
    """A part that the gate tracks; ``inspections`` are those of its frames.

    All of them are made by one ``inspector``, the one in service when the part was seen.
    """

    tracked: TrackedPart
    inspector: Inspector
    inspections: list[Inspection] = field(default_factory=list)


class SeenParts:
    """Observer of the trigger. Thread-safe. ``run`` is the prefix of part ids made since this start."""

    def __init__(
        self,
        run: str,
        inspector: Inspector,
        controller: GateController,
        outputs: Outputs,
        report: StateReport,
    ) -> None:
        self._run = run
        self._inspector = inspector
        self._controller = controller
        self._outputs = outputs
        self._report = report
        self._numbers = itertools.count()
        self._lot: str | None = None
        self._count = 0

    @property
    def count(self) -> int:
        """Number of parts seen so far."""
        return self._count

    def inspect_by(self, inspector: Inspector) -> None:
        """Use this inspector for parts seen from now on."""
        self._inspector = inspector

    def begin_lot(self, lot: str | None) -> None:
        """Assign parts seen from now on to this lot, or to none."""
        self._lot = lot

    def expect(self, part: str | None, seen: float, *, count: int | None = None) -> InspectedPart:
        """Register a part; see edge.trigger.trigger.Observer."""
        number = next(self._numbers)
        self._count = number + 1
        name = part if part is not None else f"{self._run}-p{number}"
        self._outputs.part_seen(PartSeen(name, self._count, seen))
        tracked = self._controller.expect(name, seen, count=count)
        context = InspectedPart(name, number, seen, lot=self._lot, tracked=tracked, inspector=self._inspector)
        self._report.part(name, None)
        return context

    def watch(self, at: float) -> None:
        """Note that every part is seen from ``at`` on."""
        self._controller.watch(at)

    def unwatch(self, at: float) -> None:
        """Note that parts may pass unseen from ``at`` on."""
        self._controller.unwatch(at)
