"""Every setting of the daemon as one typed model; each table of config.toml has a module of its own."""

from collections.abc import Iterator
from typing import Self, cast

from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge.core.allowed import in_words
from edge.settings.alarms import AlarmSettings
from edge.settings.archive import ArchiveSettings
from edge.settings.camera import CameraSettings
from edge.settings.gate import GateSettings
from edge.settings.journal import JournalSettings
from edge.settings.log import LogSettings
from edge.settings.metrics import MetricsSettings
from edge.settings.model import ModelSettings
from edge.settings.mqtt import MqttSettings
from edge.settings.pins import PinSettings
from edge.settings.recipe import DEFAULT_RECIPE, RECIPES, NamedRecipe, RecipeName, RecipeSettings
from edge.settings.section import Section
from edge.settings.shadow import ShadowSettings
from edge.settings.station import StationSettings
from edge.settings.trigger import TriggerSettings

ENVIRONMENT_PREFIX = "EDGE_"


class Settings(BaseSettings):
    """All settings; build it with load_settings, which turns pydantic's errors into ours."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    station: StationSettings = StationSettings()
    camera: CameraSettings = CameraSettings()
    model: ModelSettings = ModelSettings()
    recipe: RecipeSettings = RecipeSettings()
    trigger: TriggerSettings = TriggerSettings()
    gate: GateSettings = GateSettings()
    pins: PinSettings = PinSettings()
    mqtt: MqttSettings = MqttSettings()
    journal: JournalSettings = JournalSettings()
    archive: ArchiveSettings = ArchiveSettings()
    alarms: AlarmSettings = AlarmSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    shadow: ShadowSettings = ShadowSettings()
    recipes: dict[RecipeName, NamedRecipe] = {}

    @model_validator(mode="after")
    def _recipes_fit(self) -> Self:
        if DEFAULT_RECIPE in self.recipes:
            raise ValueError(f"recipes.{DEFAULT_RECIPE}: this name means [recipe]; take another")
        for name in self.recipes:
            try:
                self.gate_of(name)
            except ValidationError as error:
                raise ValueError(f"recipes.{name}.gate: {reason_of(error)}") from error
        if self.shadow.recipe not in self.recipe_names:
            raise ValueError(f"shadow.recipe: there is no recipe {self.shadow.recipe!r}")
        return self

    @property
    def recipe_names(self) -> list[str]:
        """All recipes, "default" first."""
        return [DEFAULT_RECIPE, *self.recipes]

    def recipe_of(self, name: str) -> RecipeSettings:
        """Thresholds and region of a recipe."""
        return self.recipes.get(name, self.recipe)

    def bundle_of(self, name: str) -> str:
        """The bundle that the settings name for a recipe."""
        named = self.recipes.get(name)
        return named.bundle if named is not None and named.bundle else self.model.path

    def gate_of(self, name: str) -> GateSettings:
        """The gate as a recipe has it."""
        named = self.recipes.get(name)
        if named is None:
            return self.gate
        return GateSettings(**{**self.gate.model_dump(), **named.gate.model_dump(exclude_none=True)})


def setting_fields() -> Iterator[tuple[str, FieldInfo]]:
    """All settings as ("section.key", field), in the order of config.toml."""
    for section, table in Settings.model_fields.items():
        if section == RECIPES:
            continue
        model = cast("type[Section]", table.annotation)
        for key, field in model.model_fields.items():
            yield f"{section}.{key}", field


def reason_of(error: ValidationError) -> str:
    """What is wrong with the first value of all that are."""
    return in_words(error.errors()[0])
