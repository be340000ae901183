"""Every setting of the daemon as one typed model; each table of config.toml has a module of its own."""

import json
from collections.abc import Iterator
from typing import Any, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from edge.core.allowed import in_words
from edge.settings.alarms import AlarmSettings
from edge.settings.archive import ArchiveSettings
from edge.settings.camera import AnyCameraSettings, SimulatedSettings
from edge.settings.gate import GateSettings
from edge.settings.journal import JournalSettings
from edge.settings.log import LogSettings
from edge.settings.metrics import MetricsSettings
from edge.settings.modbus import ModbusSettings
from edge.settings.model import ModelSettings
from edge.settings.mqtt import MqttSettings
from edge.settings.page import PageSettings
from edge.settings.pins import PinSettings
from edge.settings.recipe import DEFAULT_RECIPE, RECIPES, NamedRecipe, RecipeName, RecipeSettings
from edge.settings.section import Section
from edge.settings.shadow import ShadowSettings
from edge.settings.station import StationSettings
from edge.settings.trigger import FreeRunSettings, TriggerSettings


class Settings(BaseModel):
    """All settings; build it with load_settings, which turns pydantic's errors into ours.

    The sections stand in the order in which a newcomer needs them; config.toml has the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    station: StationSettings = StationSettings()
    camera: AnyCameraSettings = Field(
        SimulatedSettings(), discriminator="kind", description="Where frames come from."
    )
    trigger: TriggerSettings = Field(
        FreeRunSettings(), discriminator="kind", description="What says that a part is here."
    )
    model: ModelSettings = ModelSettings()
    recipe: RecipeSettings = RecipeSettings()
    gate: GateSettings = GateSettings()
    mqtt: MqttSettings = MqttSettings()
    pins: PinSettings = PinSettings()
    modbus: ModbusSettings = ModbusSettings()
    archive: ArchiveSettings = ArchiveSettings()
    page: PageSettings = PageSettings()
    alarms: AlarmSettings = AlarmSettings()
    journal: JournalSettings = JournalSettings()
    shadow: ShadowSettings = ShadowSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    recipes: dict[RecipeName, NamedRecipe] = {}

    @model_validator(mode="before")
    @classmethod
    def _usual_kinds(cls, tables: Any) -> Any:
        """A table that names no kind is of the default one."""
        if not isinstance(tables, dict):
            return tables
        named = {
            section: {"kind": cls.model_fields[section].default.kind, **tables[section]}
            for section in KINDS
            if isinstance(tables.get(section), dict)
        }
        return {**tables, **named}

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


def section_kinds(section: str) -> dict[str, type[Section]]:
    """The models of a section, by kind; "" is the only one of a section that has no kinds."""
    annotation = Settings.model_fields[section].annotation
    models = cast("tuple[type[Section], ...]", get_args(annotation) or (annotation,))
    return {model.model_fields["kind"].default if len(models) > 1 else "": model for model in models}


KINDS: dict[str, dict[str, type[Section]]] = {
    section: kinds
    for section in Settings.model_fields
    if section != RECIPES and len(kinds := section_kinds(section)) > 1
}
"""The sections that come in kinds: "section" to kind to the keys that it brings."""


def section_about(section: str) -> str:
    """A section in a sentence."""
    field = Settings.model_fields[section]
    return field.description or (field.annotation.__doc__ if field.annotation else "") or ""


def kinds_about(section: str) -> list[str]:
    """A line about each kind of a section."""
    texts = [(json.dumps(kind), model.__doc__ or "") for kind, model in KINDS[section].items()]
    return [f"{kind}: {text[:1].lower()}{text[1:].rstrip('.')}" for kind, text in texts]


def setting_fields() -> Iterator[tuple[str, FieldInfo]]:
    """All settings as ("section.key", field), each once, in the order of config.toml."""
    for section in Settings.model_fields:
        if section == RECIPES:
            continue
        fields: dict[str, FieldInfo] = {}
        if section in KINDS:
            kind, about = Settings.model_fields[section].default.kind, "; ".join(kinds_about(section))
            fields["kind"] = FieldInfo(annotation=str, default=kind, description=about)
        for model in section_kinds(section).values():
            fields = {**model.model_fields, **fields}
        yield from ((f"{section}.{key}", field) for key, field in fields.items())


def reason_of(error: ValidationError) -> str:
    """The mistake in the first wrong value."""
    return in_words(error.errors()[0])
