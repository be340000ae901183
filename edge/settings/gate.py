"""[gate]: what acts on a verdict, and where parts are by then."""

from typing import Literal, Self

from pydantic import Field, model_validator

from edge.settings.section import Reloadable, Section

Action = Literal["reject", "pass"]


class GateSettings(Section):
    """The gate, which acts on verdicts."""

    mode: Literal["reject-on-defect", "reject-unless-ok"] = Field(
        "reject-on-defect",
        description='"reject-on-defect" sends rejects; "reject-unless-ok" sends passes, the rest is ejected',
    )
    belt: Literal["steady", "message", "encoder"] = Field(
        "steady",
        description='"steady" never stops while parts are on it; "message": …/belt says when it stops or '
        'goes back; "encoder": …/encoder or a pin gives its counts',
    )
    travel_ms: Reloadable[float] = Field(
        500.0, ge=0, le=600000, description="time of a part from camera to ejector"
    )
    travel_counts: Reloadable[int] = Field(0, ge=0, description="the same in counts, with an encoder")
    min_gap_ms: Reloadable[float] = Field(
        10.0, gt=0, le=60000, description="parts that follow closer than this are faults, both"
    )
    min_gap_counts: Reloadable[int] = Field(0, ge=0, description="the same in counts, with an encoder")
    window_ms: Reloadable[float] = Field(
        10.0, gt=0, le=60000, description="how late an ejector may still act"
    )
    pulse_ms: Reloadable[float] = Field(50.0, gt=0, le=60000, description="length of the ejector's pulse")
    margin_ms: Reloadable[float] = Field(
        5.0, ge=0, le=60000, description="a command leaves at least this long before its part is there"
    )
    lead_ms: Reloadable[float] = Field(
        10.0, gt=0, le=60000, description="where the belt may stop: how long before, at most"
    )
    on_unsure: Reloadable[Action] = Field(
        "reject", description='what an unsure part gets: "reject" or "pass"'
    )
    on_fault: Reloadable[Action] = Field(
        "reject", description='what a part without a valid result gets, seen or not; "reject" is safe'
    )
    max_parts: Reloadable[int] = Field(
        1000, ge=1, le=100000, description="parts between camera and ejector; those beyond are rejected"
    )
    confirm_ms: float = Field(
        0.0, ge=0, le=600000, description="time in which a rejected part must be seen on …/bin; 0: no sensor"
    )
    encoder_silence_ms: float = Field(
        100.0,
        gt=0,
        le=60000,
        description="without counts for so long nobody knows where the parts are; three or four messages",
    )
    encoder_max_rate: float = Field(
        100000.0, gt=0, description="counts a second; a larger jump means that the encoder was set back"
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.belt == "encoder":
            if self.travel_counts <= self.min_gap_counts or self.min_gap_counts < 1:
                raise ValueError(
                    'gate.belt = "encoder" needs gate.min_gap_counts, and more gate.travel_counts than that'
                )
        elif self.travel_ms < self.min_gap_ms + 2 * self.margin_ms:
            # A pass waits until nothing can follow too closely, and must still leave in time.
            raise ValueError("gate.travel_ms must be at least gate.min_gap_ms + 2 * gate.margin_ms")
        if self.belt != "steady" and self.lead_ms < self.margin_ms:
            raise ValueError("gate.lead_ms must be at least gate.margin_ms")
        # A command may be under way when the belt turns: until then no other part may reach the ejector.
        needed = self.window_ms + (2 * self.lead_ms if self.belt == "message" else 0)
        if self.belt != "encoder" and self.min_gap_ms < needed:
            lead = " + 2 * gate.lead_ms" if self.belt == "message" else ""
            raise ValueError(f"gate.min_gap_ms must be at least gate.window_ms{lead}, {needed:g}")
        return self
