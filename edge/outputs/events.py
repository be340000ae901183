"""What happens at a station, as outputs are told of it."""

from dataclasses import dataclass

from edge.core.decision import Verdict


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
