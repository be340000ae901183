"""Several frames of one part, and one verdict."""

from dataclasses import replace
from typing import Literal

from edge.decision import Verdict
from edge.inspector import Inspection, Inspector

Vote = Literal["worst", "mean"]


def vote(inspections: list[Inspection], how: Vote, inspector: Inspector) -> Inspection:
    """One inspection for a part of which there is at least one.

    A fault in one frame is a fault of the part. "worst" takes the frame with the highest score, "mean"
    decides on the mean of the scores; class and frame are those of the highest score in both.
    """
    if len(inspections) == 1:
        return inspections[0]
    for inspection in inspections:
        if inspection.verdict == Verdict.FAULT or inspection.score is None:
            return inspection
    worst = max(inspections, key=lambda inspection: inspection.score or 0.0)
    if how == "worst":
        return worst
    mean = sum(inspection.score or 0.0 for inspection in inspections) / len(inspections)
    verdict = inspector.judge(mean)
    return replace(worst, score=mean, verdict=verdict, predicted=inspector.name(verdict, worst.predicted))
