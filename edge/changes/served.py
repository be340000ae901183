"""What decides on a line, and how the next thing that decides is made; nothing here touches the line."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.changes.choice import Choice, read_choice
from edge.changes.load import (
    allowed_file,
    choose,
    load_allowed,
    load_chosen,
    make_inspector,
    open_model,
    path_of,
    still_valid,
)
from edge.changes.reload import reload
from edge.changes.replaced import Look, look_at
from edge.errors import BundleError, SettingsError
from edge.inspector import Inspector
from edge.model import Model
from edge.settings import DEFAULT_RECIPE, Settings

_OF_MODEL = frozenset({"model.path", "model.threads", "model.trusted_keys"})  # a bundle is loaded again


@dataclass(frozen=True)
class Served:
    """What decides: settings, inspector, and what was chosen by command; ``shadow`` only looks on.

    ``look`` is how the bundle's file looked before it was read.
    """

    settings: Settings
    inspector: Inspector
    choice: Choice = field(default_factory=Choice)
    look: Look | None = None
    shadow: Model | None = None

    @property
    def path(self) -> Path:
        """The file of the bundle."""
        return path_of(self.settings, self.choice, self.inspector.recipe)


@dataclass(frozen=True)
class Prepared:
    """What is to decide, and what else is to be said of that."""

    served: Served
    note: str | None = None


Prepare = Callable[[Served], Prepared]
"""Makes what is to decide from what does; raises LinegateError where that can't be."""


def serve_first(settings: Settings, file: Path) -> tuple[Served, list[str]]:
    """What decides at the start: what was chosen before, as far as it can be had, and what can't.

    Raises BundleError where what the settings say can't be had either.
    """
    kept, reason = read_choice(file)
    notes = [reason] if reason is not None else []
    choice = still_valid(settings, kept)
    if choice.recipe not in settings.recipe_names:
        notes.append(f"there is no recipe {choice.recipe} any more; {DEFAULT_RECIPE} is in service")
        choice = choice.model_copy(update={"recipe": DEFAULT_RECIPE})
    look = look_at(path_of(settings, choice, choice.recipe))
    inspector, choice, reason = load_chosen(settings, choice, choice.recipe)
    notes += [reason] if reason is not None else []
    return Served(settings, inspector, choice, look, load_shadow(settings)), notes


def load_shadow(settings: Settings) -> Model | None:
    """The bundle that looks on, if there is to be one; raises BundleError."""
    if not settings.shadow.bundle:
        return None
    try:
        return open_model(Path(settings.shadow.bundle), settings)
    except BundleError as error:
        raise BundleError(f"shadow.bundle: {error}") from error


def activation(name: str, sha256: str) -> Prepare:
    """A bundle of the allowed folder decides for the recipe that is in service."""

    def prepare(served: Served) -> Prepared:
        recipe = served.inspector.recipe
        choice = choose(served.settings, served.choice, recipe, name, sha256)
        look = look_at(path_of(served.settings, choice, recipe))
        inspector = load_allowed(served.settings, recipe, name, sha256)
        return Prepared(replace(served, inspector=inspector, choice=choice, look=look))

    return prepare


def replacement(served: Served) -> Prepared:
    """The bundle's file decides as it lies now."""
    settings, recipe, look = served.settings, served.inspector.recipe, look_at(served.path)
    choice, chosen = served.choice, served.choice.bundles.get(recipe)
    path = served.path if chosen is None else allowed_file(settings, chosen.name)
    model = open_model(path, settings)
    if chosen is not None:
        choice = choose(settings, choice, recipe, chosen.name, model.bundle.model_id)
    inspector = make_inspector(model, settings, recipe)
    return Prepared(replace(served, inspector=inspector, choice=choice, look=look))


def switch_to(recipe: str) -> Prepare:
    """Another recipe decides, with the bundle that was chosen for it or that its settings name."""

    def prepare(served: Served) -> Prepared:
        names = served.settings.recipe_names
        if recipe not in names:
            raise SettingsError(f"there is no recipe of this name; there are {', '.join(names)}")
        choice = served.choice.model_copy(update={"recipe": recipe})
        look = look_at(path_of(served.settings, choice, recipe))
        inspector, choice, note = load_chosen(served.settings, choice, recipe)
        return Prepared(replace(served, inspector=inspector, choice=choice, look=look), note)

    return prepare


def reloading(read_settings: Callable[[], Settings]) -> Prepare:
    """The settings as they stand in file and environment now, as far as they can change in service."""

    def prepare(served: Served) -> Prepared:
        result = reload(served.settings, read_settings())
        settings, recipe, changed = result.settings, served.inspector.recipe, set(result.changed)
        if recipe not in settings.recipe_names:
            raise SettingsError(f"recipes.{recipe}: is in service; switch to another recipe before")
        after = replace(served, settings=settings, choice=still_valid(settings, served.choice))
        notes = [f"needs a restart: {', '.join(result.waiting)}"] if result.waiting else []
        if after.path != served.path or _OF_MODEL & changed:
            look = look_at(after.path)
            inspector, choice, note = load_chosen(settings, after.choice, recipe)
            after = replace(after, inspector=inspector, choice=choice, look=look)
            notes += [note] if note is not None else []
        elif changed:
            after = replace(after, inspector=make_inspector(served.inspector.model, settings, recipe))
        if ({"shadow.bundle"} | _OF_MODEL) & changed:
            after = replace(after, shadow=load_shadow(settings))
        return Prepared(after, "; ".join(notes) or None)

    return prepare


def refuse_reload(_served: Served) -> Prepared:
    """Where nobody knows where the settings came from."""
    raise SettingsError("this station has no settings to read again")
