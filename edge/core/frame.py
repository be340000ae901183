"""Frame: one image and when it was taken."""

from dataclasses import dataclass
from datetime import datetime

from edge.core.images import Image


@dataclass(frozen=True)
class Frame:
    """One image from a camera or a file.

    ``captured`` is monotonic seconds and schedules; ``captured_at`` is UTC wall-clock time and
    only labels. ``source`` names the file, if there is one; ``truth`` is the class of the part
    where it is known (a labelled folder, the simulated conveyor), ``detail`` the kind of defect.
    ``fault`` says what the camera did wrong: such a frame is never inspected, its part is a fault.
    ``bits``: how many were taken for white, of a picture of 16 bits that doesn't say how many it uses.
    """

    image: Image
    sequence: int
    captured: float
    captured_at: datetime
    source: str | None = None
    truth: str | None = None
    detail: str | None = None
    fault: str | None = None
    bits: int | None = None
