"""Settings read again: what can change while the line runs, and what waits for a restart. Pure."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from edge.core.errors import SettingsError
from edge.settings.recipe import RECIPES
from edge.settings.section import Section, is_reloadable
from edge.settings.settings import Settings, reason_of, setting_fields


@dataclass(frozen=True)
class Reloaded:
    """The settings from now on, the keys that changed, and those whose change waits for a restart."""

    settings: Settings
    changed: tuple[str, ...]
    waiting: tuple[str, ...]


def reload(now: Settings, read: Settings) -> Reloaded:
    """The newly read settings as far as they can be taken while the line runs.

    Raises SettingsError where what can be taken now does not fit what can't.
    """
    differing = [(key, field) for key, field in setting_fields() if _differs(key, now, read)]
    waiting = [key for key, field in differing if not is_reloadable(field)]
    usable = [key for key, field in differing if is_reloadable(field)]
    update: dict[str, Any] = {}
    for section in {key.split(".")[0] for key in usable}:
        table: Section = getattr(now, section)
        taken = {key.split(".")[1]: value_of(read, key) for key in usable if key.startswith(f"{section}.")}
        update[section] = _merge(section, table, taken)
    if read.recipes != now.recipes:
        update[RECIPES] = read.recipes
        usable += [
            f"{RECIPES}.{name}"
            for name in sorted({*now.recipes, *read.recipes})
            if now.recipes.get(name) != read.recipes.get(name)
        ]
    settings = now.model_copy(update=update)
    for name in settings.recipe_names:
        try:
            settings.gate_of(name)
        except ValidationError as error:
            raise _misfit(f"{RECIPES}.{name}.gate", error) from error
    return Reloaded(settings, tuple(usable), tuple(waiting))


def _differs(key: str, now: Settings, read: Settings) -> bool:
    """True if a setting has another value; one that the kind of before lacks, than its default."""
    section, name = key.split(".")
    fields = type(getattr(read, section)).model_fields
    if name not in fields:
        return False
    return bool(value_of(read, key) != getattr(getattr(now, section), name, fields[name].default))


def value_of(settings: Settings, key: str) -> Any:
    """The value of "section.key"."""
    section, name = key.split(".")
    return getattr(getattr(settings, section), name)


def _merge(section: str, table: Section, taken: dict[str, Any]) -> Section:
    values = {name: getattr(table, name) for name in type(table).model_fields}
    try:
        return type(table)(**{**values, **taken})
    except ValidationError as error:
        raise _misfit(section, error) from error


def _misfit(where: str, error: ValidationError) -> SettingsError:
    reason = reason_of(error)
    return SettingsError(f"{where}: together with what changes only at a restart: {reason}; restart")
