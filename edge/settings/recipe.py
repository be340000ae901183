"""[recipe] and [recipes.NAME]: what differs from one product to the next."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from edge.core.allowed import NAME
from edge.core.preprocess import Region
from edge.settings.gate import Action
from edge.settings.section import PathText, Reloadable, Section

RecipeName = Annotated[str, Field(pattern=NAME)]
DEFAULT_RECIPE = "default"  # [recipe], with the bundle of [model]
RECIPES = "recipes"  # the one table of settings that holds tables; only a file sets it


class RecipeSettings(Section):
    """The differences from the bundle's manifest for this product."""

    ok_below: Reloadable[float | None] = Field(None, ge=0, le=1, description="scores under this are ok")
    defect_from: Reloadable[float | None] = Field(
        None, ge=0, le=1, description="scores from this on are defects"
    )
    region: Reloadable[Region | None] = Field(
        None, description="part of the image to look at, in pixels: { x, y, width, height }"
    )

    @model_validator(mode="after")
    def _both_thresholds(self) -> Self:
        if (self.ok_below is None) != (self.defect_from is None):
            raise ValueError("ok_below and defect_from must be given together")
        if self.ok_below is not None and self.defect_from is not None and self.ok_below > self.defect_from:
            raise ValueError("ok_below must not be greater than defect_from")
        return self


class RecipeGate(Section):
    """The differences at the gate for one product; none: as in [gate]."""

    travel_ms: float | None = None
    travel_counts: int | None = None
    min_gap_ms: float | None = None
    min_gap_counts: int | None = None
    window_ms: float | None = None
    pulse_ms: float | None = None
    margin_ms: float | None = None
    lead_ms: float | None = None
    on_unsure: Action | None = None


class NamedRecipe(RecipeSettings):
    """One of several products: [recipes.NAME]."""

    bundle: PathText = Field("", description="its bundle; nothing: that of [model]")
    gate: RecipeGate = RecipeGate()
