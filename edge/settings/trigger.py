"""[trigger]: what says that a part is here."""

from typing import Literal, Self

from pydantic import Field, model_validator

from edge.core.preprocess import Region
from edge.settings.section import Section


class TriggerSettings(Section):
    """What says that a part is here."""

    kind: Literal["frame", "seen", "message", "input"] = Field(
        "frame",
        description='"frame": each frame is a part; "seen": the camera sees parts cross a line; '
        '"message": …/trigger; "input": a pin of this device',
    )
    frames: int = Field(1, ge=1, le=50, description="of a part, that vote on it")
    vote: Literal["worst", "mean"] = Field("worst", description='by the highest score, or by the "mean"')
    delay_ms: float = Field(
        0.0,
        ge=0,
        le=60000,
        description="message, input: a frame shows the part if it came so long after the trigger; the way to "
        "the camera, exposure and transport",
    )
    timeout_ms: float = Field(
        200.0, gt=0, le=60000, description="message, input: without a frame for so long after that, a fault"
    )
    region: Region | None = Field(None, description="seen: where parts cross: { x, y, width, height }")
    direction: Literal["right", "left", "down", "up"] = Field(
        "right", description='seen: how parts move in the picture; or "left", "down", "up"'
    )
    line: float = Field(
        0.75, ge=0, le=1, description="seen: where in the region, along their way, a part is wholly in view"
    )
    contrast: float = Field(25.0, gt=0, le=255, description="seen: levels by which a part differs")
    covered_from: float = Field(0.2, gt=0, le=1, description="seen: a part begins when so much is covered")
    clear_at: float = Field(0.08, ge=0, lt=1, description="seen: it ends when no more than this is")
    learn_frames: int = Field(
        25, ge=1, le=1000, description="seen: by the median of so many frames the empty belt is learned"
    )
    max_pause_ms: float = Field(
        100.0, gt=0, le=60000, description="seen: in a longer pause between frames a part may go by unseen"
    )
    longest_ms: float = Field(
        0.0,
        ge=0,
        le=600000,
        description="seen: a single part covers the line no longer; the rest of what does is several that "
        "touch, and is rejected unseen; 0: not known",
    )
    blocked_s: float = Field(30.0, gt=0, description="seen: what stays on the line for so long is a fault")
    input_chip: str = Field("/dev/gpiochip0", min_length=1, description="input: the device of the pins")
    input_line: int = Field(0, ge=0, le=1023, description="input: which of its lines")
    input_edge: Literal["rising", "falling"] = Field("rising", description='input: or "falling"')
    input_debounce_ms: float = Field(1.0, ge=0, le=1000, description="input: shorter changes are noise")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.clear_at >= self.covered_from:
            raise ValueError("trigger.clear_at must be less than trigger.covered_from")
        if self.kind == "frame" and self.frames != 1:
            raise ValueError(
                'trigger.frames: with trigger.kind = "frame" each frame is a part; 1 would be right'
            )
        return self
