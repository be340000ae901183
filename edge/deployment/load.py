"""A bundle as the settings and one recipe want it, loaded and tested; nothing here touches the line."""

import re
from collections.abc import Collection
from pathlib import Path

from edge.core.allowed import FILE
from edge.core.decision import Thresholds
from edge.core.errors import BundleError
from edge.core.runtime import BundleModel, load_model
from edge.deployment.selection import SelectedBundle, Selection
from edge.inspection.inspector import Inspector
from edge.settings.recipe import DEFAULT_RECIPE
from edge.settings.settings import Settings


def open_model(
    path: Path, settings: Settings, *, sha256: str | None = None, proven: Collection[str] = ()
) -> BundleModel:
    """Every bundle comes in here: verified, loaded and tested. Raises BundleError.

    What is not ``proven`` here, by its SHA-256, is run in another process before: see edge.core.runtime.
    """
    model = settings.model
    return load_model(
        path, threads=model.threads, trusted_keys=model.trusted_keys, sha256=sha256, proven=proven
    )


def load_inspector(
    settings: Settings, recipe: str = DEFAULT_RECIPE, *, proven: Collection[str] = ()
) -> Inspector:
    """The inspector that the settings describe for a recipe; raises BundleError."""
    model = open_model(Path(settings.bundle_of(recipe)), settings, proven=proven)
    return make_inspector(model, settings, recipe)


def make_inspector(model: BundleModel, settings: Settings, recipe: str) -> Inspector:
    """A loaded model with a recipe's thresholds and region, and with the camera's bits where they are set."""
    wanted = settings.recipe_of(recipe)
    thresholds = None
    if wanted.ok_below is not None and wanted.defect_from is not None:
        thresholds = Thresholds(ok_below=wanted.ok_below, defect_from=wanted.defect_from, chosen="recipe")
    return Inspector(
        model, thresholds=thresholds, region=wanted.region, recipe=recipe, bits=settings.camera.bits
    )


def load_allowed(
    settings: Settings, recipe: str, name: str, sha256: str, *, proven: Collection[str] = ()
) -> Inspector:
    """The same with a bundle of the allowed folder; raises BundleError unless it is the expected file."""
    model = open_model(allowed_file(settings, name), settings, sha256=sha256, proven=proven)
    return make_inspector(model, settings, recipe)


def allowed_file(settings: Settings, name: str) -> Path:
    """Where a bundle of this name lies: never outside the allowed folder. Raises BundleError."""
    folder = Path(settings.model.folder)
    if not re.fullmatch(FILE, name):
        raise BundleError(f"{folder}: holds only names of letters, digits, '.', '_' and '-'")
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{name}: no such bundle in {folder} (model.folder); a link does not count")
    return path


def still_valid(settings: Settings, selection: Selection) -> Selection:
    """The selection without bundles that were activated in place of one that the settings name no longer."""
    known = settings.recipe_names
    kept = {
        recipe: selected
        for recipe, selected in selection.bundles.items()
        if recipe not in known or selected.instead_of == settings.bundle_of(recipe)
    }
    return selection.model_copy(update={"bundles": kept})


def load_selected(
    settings: Settings, selection: Selection, recipe: str, *, proven: Collection[str] = ()
) -> tuple[Inspector, Selection, str | None]:
    """The bundle chosen for a recipe; or else that of its settings, the selection without it, and why.

    Raises BundleError where the settings' bundle is not available either.
    """
    selected = selection.bundles.get(recipe)
    if selected is None:
        return load_inspector(settings, recipe, proven=proven), selection, None
    try:
        inspector = load_allowed(settings, recipe, selected.name, selected.sha256, proven=proven)
        return inspector, selection, None
    except BundleError as error:
        left = {name: one for name, one in selection.bundles.items() if name != recipe}
        reason = f"{error}; it had been activated: {settings.bundle_of(recipe)} decides"
        inspector = load_inspector(settings, recipe, proven=proven)
        return inspector, selection.model_copy(update={"bundles": left}), reason


def choose(settings: Settings, selection: Selection, recipe: str, name: str, sha256: str) -> Selection:
    """The selection with another bundle for one recipe."""
    selected = SelectedBundle(name=name, sha256=sha256, instead_of=settings.bundle_of(recipe))
    return selection.model_copy(update={"bundles": {**selection.bundles, recipe: selected}})


def path_of(settings: Settings, selection: Selection, recipe: str) -> Path:
    """The file of the bundle that decides."""
    selected = selection.bundles.get(recipe)
    if selected is None:
        return Path(settings.bundle_of(recipe))
    return Path(settings.model.folder) / selected.name
