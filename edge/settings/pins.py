"""[pins]: lines of this device's own."""

from typing import Literal

from pydantic import Field

from edge.settings.section import Section


class PinSettings(Section):
    """Lines of this device's own pins (extra gpio); docs/guides/gate.md says how to wire them."""

    chip: str = Field("/dev/gpiochip0", min_length=1, description="the device of the pins")
    ejector: int | None = Field(
        None, ge=0, le=1023, description="line that is active during each command to the gate; none: no such"
    )
    ejector_active_low: bool = Field(default=False, description="true: active is the low level")
    encoder: int | None = Field(
        None, ge=0, le=1023, description='line whose edges are counted, with gate.belt = "encoder"'
    )
    encoder_edges: Literal["rising", "falling", "both"] = Field(
        "rising", description='which of its edges count; or "falling", "both"'
    )
    bin: int | None = Field(
        None, ge=0, le=1023, description="line of a sensor at the bin, with gate.confirm_ms"
    )
    bin_edge: Literal["rising", "falling"] = Field("rising", description='a part falls; or "falling"')
    bin_debounce_ms: float = Field(1.0, ge=0, le=1000, description="shorter changes are noise")
