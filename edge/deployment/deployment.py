"""What decides on a line, and how the next thing that decides is made; nothing here touches the line."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.core.errors import BundleError, SettingsError
from edge.deployment.file_watch import Look, look_at
from edge.deployment.last_good import LastGood
from edge.deployment.load import (
    allowed_file,
    choose,
    load_allowed,
    load_chosen,
    make_inspector,
    open_model,
    path_of,
    still_valid,
)
from edge.deployment.reload import reload
from edge.deployment.selection import Choice, Kept, read_choice
from edge.inspection.inspector import Inspector
from edge.settings.recipe import DEFAULT_RECIPE
from edge.settings.settings import Settings

_OF_EVERY_MODEL = frozenset({"model.threads", "model.trusted_keys"})  # bundles are loaded again


@dataclass(frozen=True)
class Served:
    """What decides: settings, inspector, and what was chosen by command; ``shadow`` only looks on.

    ``look`` is how the bundle's file looked before it was read.
    """

    settings: Settings
    inspector: Inspector
    choice: Choice = field(default_factory=Choice)
    look: Look | None = None
    shadow: Inspector | None = None

    @property
    def path(self) -> Path:
        """The file of the bundle."""
        return path_of(self.settings, self.choice, self.inspector.recipe)


@dataclass(frozen=True)
class Prepared:
    """What is to decide, and what else is to be said of that.

    ``as_chosen`` is False where settings, commands or the bundle's file want something else to decide.
    """

    served: Served
    note: str | None = None
    as_chosen: bool = True


Prepare = Callable[[Served], Prepared]
"""Makes what is to decide from what does; raises LinegateError where that can't be."""


def serve_first(settings: Settings, file: Path) -> tuple[Served, list[str]]:
    """What decides at the start: what was chosen before, as far as it can be had, and what can't.

    A choice whose trial did not end gives way to the last good one, and a file that can't be loaded any more,
    or ended the process twice, to the copy of what did its work in its place; the records are left as they
    are. Raises BundleError where there is none.
    """
    kept, reason = read_choice(file)
    notes = [reason] if reason is not None else []
    choice = still_valid(settings, kept.decides)
    if choice.recipe not in settings.recipe_names:
        notes.append(f"there is no recipe {choice.recipe} any more; {DEFAULT_RECIPE} is in service")
        choice = choice.model_copy(update={"recipe": DEFAULT_RECIPE})
    look = look_at(path_of(settings, choice, choice.recipe))
    inspector, choice, reason = _load_first(settings, choice, LastGood.beside(file))
    notes += [reason] if reason is not None else []
    served = Served(settings, inspector, choice, look, load_shadow(settings))
    if kept.last_good is not None and (kept.has_a_way_back or reason is None):
        notes.append(_unfinished(path_of(settings, kept, kept.recipe), served, kept))
    return served, notes


def _load_first(settings: Settings, choice: Choice, good: LastGood) -> tuple[Inspector, Choice, str | None]:
    """What was chosen, or the last that did its work; see load_chosen."""
    recipe = choice.recipe
    try:
        inspector, choice, note = load_chosen(settings, choice, recipe, proven=good.proven)
    except BundleError as error:
        found = _load_last_good(settings, choice, good)
        if found is None:
            raise
        return found, choice, f"{error}; the bundle that last did its work in its place decides"
    if not good.has_failed(inspector.model.bundle.sha256):
        return inspector, choice, note
    failed = f"{path_of(settings, choice, recipe)}: failed at its first frames, or ended the process twice"
    found = _load_last_good(settings, choice, good)
    if found is None or found.model.bundle.sha256 == inspector.model.bundle.sha256:
        return inspector, choice, f"{failed}, and no other did its work before: it decides again"
    return found, choice, f"{failed}; the bundle that last did its work in its place decides"


def _load_last_good(settings: Settings, choice: Choice, good: LastGood) -> Inspector | None:
    """The copy of what did its work in place of this file; None where there is none that can be loaded."""
    copy = good.copy_of(choice.recipe, path_of(settings, choice, choice.recipe))
    if copy is None:
        return None
    path, sha256 = copy
    try:
        model = open_model(path, settings, sha256=sha256, proven=good.proven)
    except BundleError:
        return None
    return make_inspector(model, settings, choice.recipe)


def _unfinished(tried: Path, served: Served, kept: Kept) -> str:
    said = f"{tried}: the process ended while this was on trial"
    if kept.has_a_way_back:
        return f"{said}; {served.path} is back in service"
    return (
        f"{said}, and nothing else was chosen before: it decides again; put the last bundle or settings back"
    )


def load_shadow(settings: Settings) -> Inspector | None:
    """What looks on, if anything is to; raises BundleError."""
    if not settings.shadow.bundle:
        return None
    try:
        model = open_model(Path(settings.shadow.bundle), settings)
    except BundleError as error:
        raise BundleError(f"shadow.bundle: {error}") from error
    return make_inspector(model, settings, settings.shadow.recipe)


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
        choice = choose(settings, choice, recipe, chosen.name, model.bundle.sha256)
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
        after = replace(served, inspector=inspector, choice=choice, look=look)
        return Prepared(after, note, as_chosen=note is None)

    return prepare


def reloading(read_settings: Callable[[], Settings]) -> Prepare:
    """The settings as they stand in file and environment now, as far as they can change in service.

    What a changed setting says nothing of stays the same object: a new one would be on trial, and forget
    what was learned of rejects.
    """

    def prepare(served: Served) -> Prepared:
        result = reload(served.settings, read_settings())
        settings, recipe, changed = result.settings, served.inspector.recipe, set(result.changed)
        if recipe not in settings.recipe_names:
            raise SettingsError(f"recipes.{recipe}: is in service; switch to another recipe before")
        after = replace(served, settings=settings, choice=still_valid(settings, served.choice))
        notes = [f"needs a restart: {', '.join(result.waiting)}"] if result.waiting else []
        missing = None
        if after.path != served.path or _OF_EVERY_MODEL & changed:
            look = look_at(after.path)
            inspector, choice, missing = load_chosen(settings, after.choice, recipe)
            after = replace(after, inspector=inspector, choice=choice, look=look)
        elif _judges_by(settings, recipe) != _judges_by(served.settings, recipe):
            after = replace(after, inspector=make_inspector(served.inspector.model, settings, recipe))
        after = replace(after, shadow=_reloaded_shadow(served, settings, changed))
        notes += [missing] if missing is not None else []
        as_chosen = missing is None and look_at(after.path) == after.look
        return Prepared(after, "; ".join(notes) or None, as_chosen=as_chosen)

    return prepare


def _reloaded_shadow(served: Served, settings: Settings, changed: set[str]) -> Inspector | None:
    if ({"shadow.bundle"} | _OF_EVERY_MODEL) & changed:
        return load_shadow(settings)
    before, recipe = served.settings, settings.shadow.recipe
    same_product = before.shadow.recipe == recipe
    if served.shadow is None or (same_product and _judges_by(settings, recipe) == _judges_by(before, recipe)):
        return served.shadow
    return make_inspector(served.shadow.model, settings, recipe)


def _judges_by(settings: Settings, recipe: str) -> tuple[object, ...]:
    """What an inspector takes from a recipe."""
    wanted = settings.recipe_of(recipe)
    return wanted.ok_below, wanted.defect_from, wanted.region


def refuse_reload(_served: Served) -> Prepared:
    """Where nobody knows where the settings came from."""
    raise SettingsError("this station has no settings to read again")
