"""Inspect a frame. Live and replay share this code, so that both give the same result."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from edge.core.decision import Thresholds, Verdict, decide, has_one_logit
from edge.core.errors import ImageError
from edge.core.frame import Frame
from edge.core.preprocess import Region, preprocess
from edge.core.runtime import BundleModel


@dataclass(frozen=True)
class Inspection:
    """Result for one part. ``reason`` is why there is no valid result, for a fault.

    ``heatmap``: float32 (height, width) over the model's input, higher where a defect is more likely; None if
    the bundle has none.
    """

    frame: Frame
    verdict: Verdict
    score: float | None
    predicted: str | None
    reason: str | None = None
    latency_ms: float | None = None
    heatmap: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)


class Inspector:
    """Decides on frames with one bundle; the recipe may override its thresholds and region.

    ``bits``: how many of 16 bits a picture uses that doesn't state it; by default as in the bundle's
    photographs, None where those were of another kind.
    """

    def __init__(
        self,
        model: BundleModel,
        *,
        thresholds: Thresholds | None = None,
        region: Region | None = None,
        recipe: str = "default",
        bits: int | None = None,
    ) -> None:
        manifest = model.bundle.manifest
        self.model = model
        self.manifest = manifest
        self.recipe = recipe
        self.region = region
        self.bits = bits or manifest.input.bits
        self.thresholds = thresholds if thresholds is not None else manifest.thresholds
        self.spec = manifest.input.model_copy(update={"region": region}) if region else manifest.input

    def inspect(self, frame: Frame) -> Inspection:
        """Preprocess, run the model and decide; a frame that cannot be used is a fault."""
        if frame.fault is not None:
            return fault(frame, frame.fault)
        if None not in (frame.bits, self.bits) and frame.bits != self.bits:
            # On its way while another bundle was put in service: the frame's fault, and not this bundle's.
            reason = f"camera: {frame.bits} of 16 bits were taken for white; this bundle takes {self.bits}"
            return fault(replace(frame, fault=reason), reason)
        try:
            pixels = preprocess(frame.image, self.spec)
        except ImageError as error:
            return fault(frame, str(error))
        prediction = self.model.predict(pixels)
        verdict = self.judge(prediction.score)
        if verdict == Verdict.FAULT:
            return fault(frame, "the model gives no number")
        named = self.name(verdict, prediction.predicted)
        return Inspection(frame, verdict, prediction.score, named, heatmap=prediction.heatmap)

    def judge(self, score: float) -> Verdict:
        """Return the verdict for a score."""
        return decide(score, self.thresholds)

    def name(self, verdict: Verdict, predicted: str | None) -> str | None:
        """Return the class to report: of two classes the verdict decides, not the higher probability."""
        if has_one_logit(self.manifest.task):
            return self.manifest.classes[0 if verdict == Verdict.OK else 1]
        return predicted


def fault(frame: Frame, reason: str) -> Inspection:
    """Return the inspection of a frame without a valid result."""
    return Inspection(frame, Verdict.FAULT, None, None, reason)


def as_fault(inspection: Inspection, reason: str) -> Inspection:
    """Return the inspection as a fault: its result came too late or is not to be trusted."""
    return replace(inspection, verdict=Verdict.FAULT, reason=reason)
