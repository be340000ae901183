"""[trigger]: what says that a part is here. Each kind brings keys of its own."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from edge.core.preprocess import Region
from edge.settings.section import Section

Vote = Literal["worst", "mean"]


class FreeRunSettings(Section):
    """Each frame is a part: the camera is triggered itself, or parts are stored or drawn."""

    frames: ClassVar[int] = 1
    vote: ClassVar[Vote] = "worst"
    patience_s: ClassVar[float] = 0.0
    """The longest that a part may wait for its frames."""

    kind: Literal["free-run"] = "free-run"


class _VotingSettings(Section):
    frames: int = Field(1, ge=1, le=50, description="of a part, that vote on it")
    vote: Vote = Field("worst", description='by the highest score, or by the "mean"')


class LineCrossingSettings(_VotingSettings):
    """The camera sees parts cross a line in its picture."""

    kind: Literal["line-crossing"] = "line-crossing"
    region: Region | None = Field(None, description="where parts cross: { x, y, width, height }")
    direction: Literal["right", "left", "down", "up"] = Field(
        "right", description='how parts move in the picture; or "left", "down", "up"'
    )
    line_position: float = Field(
        0.75, ge=0, le=1, description="where in the region, along their way, a part is wholly in view"
    )
    contrast: float = Field(25.0, gt=0, le=255, description="levels by which a part differs")
    covered_from: float = Field(0.2, gt=0, le=1, description="a part begins when so much is covered")
    clear_at: float = Field(0.08, ge=0, lt=1, description="it ends when no more than this is")
    learn_frames: int = Field(
        25, ge=1, le=1000, description="by the median of so many frames the empty belt is learned"
    )
    max_pause_ms: float = Field(
        100.0, gt=0, le=60000, description="in a longer pause between frames a part may go by unseen"
    )
    longest_ms: float = Field(
        0.0,
        ge=0,
        le=600000,
        description="a single part covers the line no longer; the rest of what does is several that touch, "
        "and is rejected unseen; 0: not known",
    )
    blocked_s: float = Field(30.0, gt=0, description="what stays on the line for so long is a fault")

    @property
    def patience_s(self) -> float:
        """The longest that a part may wait for its frames."""
        return self.frames * self.max_pause_ms / 1000

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.clear_at >= self.covered_from:
            raise ValueError("trigger.clear_at must be less than trigger.covered_from")
        return self


class ExternalSettings(_VotingSettings):
    """Something else than the camera says that a part is here."""

    delay_ms: float = Field(
        0.0,
        ge=0,
        le=60000,
        description="a frame shows the part if it came so long after the trigger; the way to the camera, "
        "exposure and transport",
    )
    timeout_ms: float = Field(
        200.0, gt=0, le=60000, description="without a frame for so long after that, a fault"
    )

    @property
    def patience_s(self) -> float:
        """The longest that a part may wait for its frames."""
        return (self.delay_ms + self.timeout_ms) / 1000


class MessageSettings(ExternalSettings):
    """A message says it: …/trigger."""

    kind: Literal["message"] = "message"


class InputSettings(ExternalSettings):
    """A pin of this device says it."""

    kind: Literal["input"] = "input"
    chip: str = Field("/dev/gpiochip0", min_length=1, description="the device of the pins")
    line: int = Field(0, ge=0, le=1023, description="which of its lines")
    edge: Literal["rising", "falling"] = Field("rising", description='or "falling"')
    debounce_ms: float = Field(1.0, ge=0, le=1000, description="shorter changes are noise")


TriggerSettings = FreeRunSettings | LineCrossingSettings | MessageSettings | InputSettings
