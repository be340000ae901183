"""A part between the trigger and its verdict, with all that the station knows of it."""

from dataclasses import dataclass, field

from edge.gate.gate import Flight
from edge.inspection.inspector import Inspection, Inspector
from edge.trigger.trigger import Sighting


@dataclass(eq=False, kw_only=True)
class TrackedPart(Sighting):
    """A sighting that the gate knows of; ``inspections`` are of its frames.

    All its frames are for one ``inspector``, the one that was in service when the part was seen.
    """

    flight: Flight
    inspector: Inspector
    inspections: list[Inspection] = field(default_factory=list)
