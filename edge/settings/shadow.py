"""[shadow]: a second bundle that only tells."""

from pydantic import Field

from edge.settings.section import PathText, Reloadable, Section


class ShadowSettings(Section):
    """A second bundle that scores the same parts and only tells where it would decide otherwise."""

    bundle: Reloadable[PathText] = Field("", description="the bundle to try; empty: none")
    recipe: Reloadable[str] = Field("default", min_length=1, description="the recipe whose parts it is shown")
    queue: Reloadable[int] = Field(
        8, ge=1, le=1000, description="parts that wait for it; those beyond are dropped"
    )
