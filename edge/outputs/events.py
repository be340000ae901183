"""Events of a station, as outputs are told of them; gate commands and alarms are in the rooms below."""

from dataclasses import dataclass
from datetime import datetime

from edge.core.decision import Verdict
from edge.core.state import State
from edge.inspection.inspector import Inspection, Inspector
from edge.records.result import PartResult


@dataclass(frozen=True)
class StateChanged:
    """The state from ``since`` on; ``bundle_sha256`` and ``recipe`` are what decides then."""

    state: State
    since: datetime
    reason: str | None
    bundle_sha256: str | None
    recipe: str | None


@dataclass(frozen=True)
class PartSeen:
    """A part is at the camera, since ``at`` in monotonic seconds; ``number`` counts parts, the first is 1."""

    part: str
    number: int
    at: float


@dataclass(frozen=True)
class PartDecided:
    """The verdict of a part; what its gate does with it comes as a command."""

    part: str
    number: int
    verdict: Verdict


@dataclass(frozen=True)
class LatestPart:
    """The latest part, for whoever reads bits: parts may come, it has no result yet, its result."""

    ready: bool
    busy: bool
    result_valid: bool
    result_ok: bool
    part: str | None


@dataclass(frozen=True)
class PartInspected:
    """A part's result, with the frame and the heatmap that it came from; nobody may change the pixels."""

    result: PartResult
    inspection: Inspection
    inspector: Inspector


@dataclass(frozen=True)
class Disagreement:
    """A part for which the bundle that looks on, the shadow, has another verdict than the one that decides.

    ``id`` is that of the part's result; ``shadow_reason`` says why there is no valid result, for a fault.
    """

    id: str
    part: str
    verdict: Verdict
    score: float | None
    bundle_sha256: str
    shadow_verdict: Verdict
    shadow_score: float | None
    shadow_reason: str | None
    shadow_bundle_sha256: str
