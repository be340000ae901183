"""Decide on a part from several frames."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.inspection.inspector import Inspection, Inspector, fault
from edge.trigger.trigger import PartContext

Vote = Literal["worst", "mean"]


def judge_part(
    context: PartContext, inspections: list[Inspection], how: Vote, inspector: Inspector
) -> Inspection:
    """Return the inspection of a part from those of its frames; a part without any is a fault."""
    if not inspections:
        image, now = np.zeros((1, 1), np.uint8), datetime.now(UTC)
        no_frame = Frame(image, context.number, captured=context.seen, captured_at=now)
        return fault(no_frame, "no frame of this part came in time")
    return vote(inspections, how, inspector)


def vote(inspections: list[Inspection], how: Vote, inspector: Inspector) -> Inspection:
    """Return one inspection for a part, given at least one.

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
