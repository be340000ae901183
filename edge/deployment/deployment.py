"""The deployment on a station, and the preparation of the next one; nothing here touches the line."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.core.errors import BundleError, SettingsError
from edge.deployment.file_watch import FileStamp, stamp_of
from edge.deployment.last_good import LastGood
from edge.deployment.load import (
    allowed_file,
    choose,
    load_allowed,
    load_selected,
    make_inspector,
    open_model,
    path_of,
    still_valid,
)
from edge.deployment.reload import reload
from edge.deployment.selection import PersistedSelection, Selection, read_selection
from edge.inspection.inspector import Inspector
from edge.settings.recipe import DEFAULT_RECIPE
from edge.settings.settings import Settings

_OF_EVERY_MODEL = frozenset({"model.threads", "model.trusted_keys"})  # bundles are loaded again


@dataclass(frozen=True)
class Deployment:
    """Everything that decides: settings, inspector, and the choice by command; ``shadow`` only looks on.

    ``stamp`` is how the bundle's file looked before it was read.
    """

    settings: Settings
    inspector: Inspector
    selection: Selection = field(default_factory=Selection)
    stamp: FileStamp | None = None
    shadow: Inspector | None = None

    @property
    def path(self) -> Path:
        """The file of the bundle."""
        return path_of(self.settings, self.selection, self.inspector.recipe)


@dataclass(frozen=True)
class Prepared:
    """The deployment that is to decide, and remarks on it.

    ``as_chosen`` is False where settings, commands or the bundle's file want something else to decide.
    """

    deployment: Deployment
    note: str | None = None
    as_chosen: bool = True


Prepare = Callable[[Deployment], Prepared]
"""Makes what is to decide from what does; raises LinegateError where that can't be."""


def first_deployment(settings: Settings, file: Path) -> tuple[Deployment, list[str]]:
    """The deployment at the start: the choice from before, as far as it is available, and what is not.

    A selection whose trial did not end gives way to the last good one, and a file that can't be loaded any
    more, or ended the process twice, to the copy of what did its work in its place; the records are left as
    they are. Raises BundleError where there is none.
    """
    persisted, reason = read_selection(file)
    notes = [reason] if reason is not None else []
    selection = still_valid(settings, persisted.decides)
    if selection.recipe not in settings.recipe_names:
        notes.append(f"there is no recipe {selection.recipe} any more; {DEFAULT_RECIPE} is in service")
        selection = selection.model_copy(update={"recipe": DEFAULT_RECIPE})
    stamp = stamp_of(path_of(settings, selection, selection.recipe))
    inspector, selection, reason = _load_first(settings, selection, LastGood.beside(file))
    notes += [reason] if reason is not None else []
    deployment = Deployment(settings, inspector, selection, stamp, load_shadow(settings))
    if persisted.last_good is not None and (persisted.has_a_way_back or reason is None):
        notes.append(_unfinished(path_of(settings, persisted, persisted.recipe), deployment, persisted))
    return deployment, notes


def _load_first(
    settings: Settings, selection: Selection, good: LastGood
) -> tuple[Inspector, Selection, str | None]:
    """The chosen bundle, or the last that did its work; see load_selected."""
    recipe = selection.recipe
    try:
        inspector, selection, note = load_selected(settings, selection, recipe, proven=good.proven)
    except BundleError as error:
        found = _load_last_good(settings, selection, good)
        if found is None:
            raise
        return found, selection, f"{error}; the bundle that last did its work in its place decides"
    if not good.has_failed(inspector.model.bundle.sha256):
        return inspector, selection, note
    failed = f"{path_of(settings, selection, recipe)}: failed at its first frames, or ended the process twice"
    found = _load_last_good(settings, selection, good)
    if found is None or found.model.bundle.sha256 == inspector.model.bundle.sha256:
        return inspector, selection, f"{failed}, and no other did its work before: it decides again"
    return found, selection, f"{failed}; the bundle that last did its work in its place decides"


def _load_last_good(settings: Settings, selection: Selection, good: LastGood) -> Inspector | None:
    """The copy of what did its work in place of this file; None where there is none that can be loaded."""
    copy = good.copy_of(selection.recipe, path_of(settings, selection, selection.recipe))
    if copy is None:
        return None
    path, sha256 = copy
    try:
        model = open_model(path, settings, sha256=sha256, proven=good.proven)
    except BundleError:
        return None
    return make_inspector(model, settings, selection.recipe)


def _unfinished(tried: Path, deployment: Deployment, persisted: PersistedSelection) -> str:
    said = f"{tried}: the process ended while this was on trial"
    if persisted.has_a_way_back:
        return f"{said}; {deployment.path} is back in service"
    return (
        f"{said}, and nothing else was chosen before: it decides again; put the last bundle or settings back"
    )


def load_shadow(settings: Settings) -> Inspector | None:
    """The bundle that looks on, if one is to; raises BundleError."""
    if not settings.shadow.bundle:
        return None
    try:
        model = open_model(Path(settings.shadow.bundle), settings)
    except BundleError as error:
        raise BundleError(f"shadow.bundle: {error}") from error
    return make_inspector(model, settings, settings.shadow.recipe)


def activation(name: str, sha256: str) -> Prepare:
    """A bundle of the allowed folder decides for the recipe that is in service."""

    def prepare(deployment: Deployment) -> Prepared:
        recipe = deployment.inspector.recipe
        selection = choose(deployment.settings, deployment.selection, recipe, name, sha256)
        stamp = stamp_of(path_of(deployment.settings, selection, recipe))
        inspector = load_allowed(deployment.settings, recipe, name, sha256)
        return Prepared(replace(deployment, inspector=inspector, selection=selection, stamp=stamp))

    return prepare


def replacement(deployment: Deployment) -> Prepared:
    """The bundle's file decides as it lies now."""
    settings, recipe, stamp = deployment.settings, deployment.inspector.recipe, stamp_of(deployment.path)
    selection, selected = deployment.selection, deployment.selection.bundles.get(recipe)
    path = deployment.path if selected is None else allowed_file(settings, selected.name)
    model = open_model(path, settings)
    if selected is not None:
        selection = choose(settings, selection, recipe, selected.name, model.bundle.sha256)
    inspector = make_inspector(model, settings, recipe)
    return Prepared(replace(deployment, inspector=inspector, selection=selection, stamp=stamp))


def switch_to(recipe: str) -> Prepare:
    """Another recipe decides, with the bundle that was chosen for it or that its settings name."""

    def prepare(deployment: Deployment) -> Prepared:
        names = deployment.settings.recipe_names
        if recipe not in names:
            raise SettingsError(f"there is no recipe of this name; there are {', '.join(names)}")
        selection = deployment.selection.model_copy(update={"recipe": recipe})
        stamp = stamp_of(path_of(deployment.settings, selection, recipe))
        inspector, selection, note = load_selected(deployment.settings, selection, recipe)
        after = replace(deployment, inspector=inspector, selection=selection, stamp=stamp)
        return Prepared(after, note, as_chosen=note is None)

    return prepare


def reloading(read_settings: Callable[[], Settings]) -> Prepare:
    """The settings as they stand in file and environment now, as far as they can change in service.

    What a changed setting says nothing of stays the same object: a new one would be on trial, and forget
    what was learned of rejects.
    """

    def prepare(deployment: Deployment) -> Prepared:
        result = reload(deployment.settings, read_settings())
        settings, recipe, changed = result.settings, deployment.inspector.recipe, set(result.changed)
        if recipe not in settings.recipe_names:
            raise SettingsError(f"recipes.{recipe}: is in service; switch to another recipe before")
        after = replace(deployment, settings=settings, selection=still_valid(settings, deployment.selection))
        notes = [f"needs a restart: {', '.join(result.waiting)}"] if result.waiting else []
        missing = None
        if after.path != deployment.path or _OF_EVERY_MODEL & changed:
            stamp = stamp_of(after.path)
            inspector, selection, missing = load_selected(settings, after.selection, recipe)
            after = replace(after, inspector=inspector, selection=selection, stamp=stamp)
        elif _judges_by(settings, recipe) != _judges_by(deployment.settings, recipe):
            after = replace(after, inspector=make_inspector(deployment.inspector.model, settings, recipe))
        after = replace(after, shadow=_reloaded_shadow(deployment, settings, changed))
        notes += [missing] if missing is not None else []
        as_chosen = missing is None and stamp_of(after.path) == after.stamp
        return Prepared(after, "; ".join(notes) or None, as_chosen=as_chosen)

    return prepare


def _reloaded_shadow(deployment: Deployment, settings: Settings, changed: set[str]) -> Inspector | None:
    if ({"shadow.bundle"} | _OF_EVERY_MODEL) & changed:
        return load_shadow(settings)
    before, recipe = deployment.settings, settings.shadow.recipe
    same_product = before.shadow.recipe == recipe
    if deployment.shadow is None or (
        same_product and _judges_by(settings, recipe) == _judges_by(before, recipe)
    ):
        return deployment.shadow
    return make_inspector(deployment.shadow.model, settings, recipe)


def _judges_by(settings: Settings, recipe: str) -> tuple[object, ...]:
    """The part of a recipe that an inspector judges by."""
    wanted = settings.recipe_of(recipe)
    return wanted.ok_below, wanted.defect_from, wanted.region


def refuse_reload(_deployment: Deployment) -> Prepared:
    """Where nobody knows where the settings came from."""
    raise SettingsError("this station has no settings to read again")
