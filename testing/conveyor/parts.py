"""The physical conveyor: its measures, its parts, and where the belt is."""

from bisect import bisect_right
from dataclasses import dataclass, field

from edge.core.decision import Verdict
from edge.gate.gate import GateCommand, TrackedPart

TRAVEL, GAP, WINDOW, PULSE, MARGIN, LEAD = 300.0, 40.0, 10.0, 6.0, 5.0, 10.0
REACH = 8.0  # an ejector acts on what is so near, in milliseconds of belt
JITTER = 1.5  # of the moment of capture, and of a part that slips on its way
COUNTS = 20  # of the encoder in a millisecond of belt at its usual speed


@dataclass(eq=False)
class Part:
    """One physical part, as the world knows it."""

    number: int
    place: float  # of the belt when it is under the camera
    slip: float
    found: Verdict
    seen_in_run: int | None = None
    ok_in_run: int | None = None  # in which run its own ok came in time
    crossed_down: bool = False  # it went past the ejector while the station was down
    known_run: int | None = None
    ejected_by: GateCommand | None = None
    excused: bool = False  # it may be ejected for what lies around it
    went_back: bool = False
    tracked: list[TrackedPart] = field(default_factory=list)

    @property
    def gate(self) -> float:
        """The place of the belt when this part is at the ejector."""
        return self.place + TRAVEL + self.slip


class BeltPath:
    """Where the belt was and is: stretches of constant speed, the latest last."""

    def __init__(self) -> None:
        self._times, self._places, self._speeds = [0.0], [0.0], [1.0]

    @property
    def speed(self) -> float:
        """As a share of the usual one; negative where it runs back."""
        return self._speeds[-1]

    def place(self, at: float) -> float:
        i = max(0, bisect_right(self._times, at) - 1)
        return self._places[i] + (at - self._times[i]) * self._speeds[i] * 1000

    def change_speed(self, speed: float, now: float) -> None:
        self._places.append(self.place(now))
        self._times.append(now)
        self._speeds.append(speed)
        if len(self._times) > 4000:
            del self._times[:2000], self._places[:2000], self._speeds[:2000]

    def extent(self, begin: float, end: float) -> tuple[float, float]:
        """The lowest and the highest place between two moments."""
        turns = self._places[bisect_right(self._times, begin) : bisect_right(self._times, end)]
        across = [self.place(begin), self.place(end), *turns]
        return min(across), max(across)
