"""The result of a part, as the journal keeps it and as whoever is told of it reads it."""

from typing import Literal

from pydantic import ConfigDict, Field

from edge.core.decision import Verdict
from edge.core.documents import Document, Moment
from edge.core.errors import one_line
from edge.inspection.inspector import Inspection, Inspector
from edge.trigger.trigger import PartContext

_LONGEST_REASON = 500
_LONGEST_NAME = 300


class PartResult(Document):
    """Every inspection, in order, at least once; ``id`` tells repetitions apart."""

    model_config = ConfigDict(title="VerdictMessage")

    schema_: Literal["linegate.verdict.v1"] = Field("linegate.verdict.v1", alias="schema")
    id: str
    part: str
    sequence: int
    captured_at: Moment
    verdict: Verdict
    class_: str | None = Field(None, alias="class", description="the class with the highest probability")
    score: float | None = Field(None, description="0 to 1: how sure the model is of a defect")
    reason: str | None = Field(None, description="why there is no valid result, for a fault")
    action: Literal["reject", "pass"] = Field(description="what the settings do with this verdict")
    frames: int = Field(1, description="of this part, that were inspected")
    latency_ms: float | None = Field(None, description="from the trigger, or the capture, to the decision")
    bundle_sha256: str = Field(description="SHA-256 of the bundle that judged this part, all its frames")
    recipe: str = Field("default", description="the recipe by which it did")
    lot: str | None = Field(None, description="what …/lot said when the part was seen")
    source: str | None = Field(None, description="file name, in a replay")
    truth: str | None = Field(None, description="the true class or kind of defect, where it is known")
    late: bool = Field(
        default=False, description="held back when it was recorded: the broker was away, or the disk hung"
    )


def part_result(
    context: PartContext,
    inspection: Inspection,
    inspector: Inspector,
    *,
    frames: int,
    station: str,
    simulated: bool,
    run: str,
    action: str,
) -> PartResult:
    """The result of a part by so many frames; ``run`` makes its id unlike those of other runs."""
    frame = inspection.frame
    return PartResult.model_validate(
        {
            "station": station,
            "simulated": simulated,
            "id": f"{run}-{context.number}",
            "part": context.part,
            "sequence": context.number,
            "captured_at": frame.captured_at,
            "verdict": inspection.verdict,
            "class": _as_text(inspection.predicted, _LONGEST_NAME),
            "score": inspection.score,
            "reason": _as_text(inspection.reason, _LONGEST_REASON),
            "action": action,
            "frames": frames,
            "latency_ms": inspection.latency_ms,
            "bundle_sha256": inspector.model.bundle.sha256,
            "recipe": inspector.recipe,
            "lot": context.lot,
            "source": _as_text(frame.source, _LONGEST_NAME),
            "truth": _as_text(frame.detail or frame.truth, _LONGEST_NAME),
        }
    )


def _as_text(said: str | None, longest: int) -> str | None:
    """Names of files may hold what no JSON can, and a verdict must be small enough for any broker."""
    return None if said is None else one_line(said)[:longest]
