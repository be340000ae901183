"""A part between the trigger and its verdict, with all that the station knows of it."""

from dataclasses import dataclass, field

from edge.gate.gate import TrackedPart
from edge.inspection.inspector import Inspection, Inspector
from edge.trigger.trigger import PartContext


@dataclass(eq=False, kw_only=True)
class InspectedPart(PartContext):
    """A part that the gate tracks; ``inspections`` are of its frames.

    All its frames are for one ``inspector``, the one that was in service when the part was seen.
    """

    tracked: TrackedPart
    inspector: Inspector
    inspections: list[Inspection] = field(default_factory=list)
