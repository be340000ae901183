"""Settings from flags, environment, credentials and config.toml, or what is wrong with them in one line.

Flags (`--camera.width 1280`) come before the environment (`EDGE_CAMERA__WIDTH=1280`), before systemd's
credentials, before the file, before the defaults. Unknown keys and wrong values are refused. Where a flag
names another kind of camera or trigger than the file, what the file says of its own kind does not count.
Every path is absolute afterwards; edge/settings/paths.py says from where.
"""

import difflib
import json
import logging
import os
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge.core.errors import SettingsError, one_line
from edge.settings.credentials import PREFIX as CREDENTIAL_PREFIX
from edge.settings.credentials import read_credentials
from edge.settings.earlier import read_earlier
from edge.settings.paths import with_whole_paths
from edge.settings.recipe import RECIPES, NamedRecipe, RecipeGate
from edge.settings.settings import KINDS, Settings, reason_of, setting_fields

logger = logging.getLogger(__name__)

ENVIRONMENT_PREFIX = "EDGE_"


@dataclass(frozen=True)
class _Source:
    """Values by "section.key" out of one place; ``where`` names the place of a key.

    ``is_earlier``: it was written for a version before, where all kinds of a section had the same keys.
    """

    values: Mapping[str, Any]
    where: Callable[[str], str]
    is_earlier: bool = False


def load_settings(file: Path | None, flags: Mapping[str, str]) -> Settings:
    """Settings from a TOML file, systemd's credentials, the environment and flags ("section.key" to text).

    Raises SettingsError, which names the file, credential, variable or flag and the key.
    """
    recipes, from_file = _read_file(file) if file is not None else ({}, _Source({}, str))
    sources = [
        from_file,
        _of_texts(read_credentials(), lambda key: f"credential {CREDENTIAL_PREFIX}{key}"),
        _of_texts(_environment(), _variable),
        _of_texts(flags, lambda key: f"--{key}"),
    ]  # the strongest is the last
    values = _merge(sources)
    tables: dict[str, Any] = {RECIPES: recipes}
    for key, value in values.items():
        section, name = key.split(".")
        tables.setdefault(section, {})[name] = value
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        raise SettingsError(_explain(error, file, sources)) from error
    given = {key for source in sources[1:] for key in source.values}
    return with_whole_paths(settings, file, given)


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file; editors on Windows put a byte order mark first, which TOML has none of.

    Raises OSError, UnicodeDecodeError or ValueError.
    """
    return tomllib.loads(file.read_text("utf-8-sig"))


def _read_file(file: Path) -> tuple[Any, _Source]:
    """The recipes of a settings file, unchecked, and all else."""
    try:
        tables = read_toml(file)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text; save it as UTF-8") from error
    except RecursionError as error:
        raise SettingsError(f"{file}: not valid TOML: tables or lists are nested too deeply") from error
    except ValueError as error:  # of TOML, or of a number that is too long for Python
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    for section, table in tables.items():
        if section not in Settings.model_fields:
            raise SettingsError(one_line(f"{file}: {section}: {_unknown(section, Settings.model_fields)}"))
        if not isinstance(table, dict):
            raise SettingsError(f"{file}: {section}: must be a table: [{section}]")
    recipes = tables.pop(RECIPES, {})
    values = {f"{section}.{key}": value for section, table in tables.items() for key, value in table.items()}
    values, renamed = read_earlier(values)
    if renamed:
        logger.warning("%s: written for an earlier version, and read so: %s", file, "; ".join(renamed))
    _refuse_unknown(values, lambda key: f"{file}: {key}")
    return recipes, _Source(values, lambda key: f"{file}: {key}", is_earlier=bool(renamed))


def _environment() -> dict[str, str]:
    """The texts of our variables by "section.key"."""
    texts = {}
    for name, text in os.environ.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".", 1)
            texts[key] = text
    return texts


def _variable(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def _of_texts(texts: Mapping[str, str], where: Callable[[str], str]) -> _Source:
    values, renamed = read_earlier(texts)
    if renamed:
        logger.warning("%s: of an earlier version, and read so: %s", where("…"), "; ".join(renamed))
    _refuse_unknown(values, where)
    parsed = {key: _parse(text, where(key)) for key, text in values.items()}
    return _Source(parsed, where, is_earlier=bool(renamed))


def _parse(text: str, where: str) -> Any:
    """Tables and lists, such as a region, are given as JSON."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not valid JSON: {error}") from error


def _merge(sources: Sequence[_Source]) -> dict[str, Any]:
    """The strongest value of each key, without those that weaker sources have of another kind.

    Raises SettingsError for a key that the kind of its section does not have.
    """
    values: dict[str, Any] = {}
    for source in sources:
        named = {section for section in KINDS if f"{section}.kind" in source.values}
        values = {
            key: value
            for key, value in values.items()
            if key.split(".")[0] not in named or not _is_foreign(key, source.values)
        }
        values.update(source.values)
    foreign = [key for key in values if _is_foreign(key, values)]
    for key in foreign:
        source = next(source for source in reversed(sources) if key in source.values)
        if not source.is_earlier:
            raise SettingsError(f"{source.where(key)}: {_misplaced(key, values)}")
        del values[key]
    return values


def _kind(section: str, values: Mapping[str, Any]) -> str:
    return str(values.get(f"{section}.kind", Settings.model_fields[section].default.kind))


def _is_foreign(key: str, values: Mapping[str, Any]) -> bool:
    """True if the key goes with another kind of its section than the values name."""
    section, name = key.split(".")
    model = KINDS.get(section, {}).get(_kind(section, values)) if section in KINDS else None
    return model is not None and name not in model.model_fields


def _misplaced(key: str, values: Mapping[str, Any]) -> str:
    section, name = key.split(".")
    kinds = [json.dumps(kind) for kind, model in KINDS[section].items() if name in model.model_fields]
    return (
        f"goes with {section}.kind = {' or '.join(kinds)}, which is {json.dumps(_kind(section, values))} here"
    )


def _refuse_unknown(keys: Collection[str], where: Callable[[str], str]) -> None:
    known = [key for key, _ in setting_fields()]
    for key in keys:
        if key not in known:
            alike = known if "." in key else [*Settings.model_fields]
            raise SettingsError(one_line(f"{where(key)}: {_unknown(key, alike)}"))


def _unknown(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return "unknown setting; " + (f"did you mean {near[0]}?" if near else "config.toml lists every setting")


def _explain(error: ValidationError, file: Path | None, sources: Sequence[_Source]) -> str:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]  # of a table: its name is wrong
    if parts and parts[0] in KINDS:  # the kind itself is wrong, or its name stands after that of the section
        parts = [parts[0], "kind"] if len(parts) == 1 else [parts[0], *parts[2:]]
    key = ".".join(parts[:2])
    source = next((source for source in reversed(sources) if key in source.values), sources[0])
    if source is sources[0]:
        where = ": ".join(text for text in (str(file or ""), ".".join(parts)) if text)
    else:
        where = source.where(key)
    if first["type"] == "extra_forbidden":
        return one_line(f"{where}: {_unknown(parts[-1], _names_in(parts[:-1]))}")
    message, given = reason_of(error), first.get("input")
    if first["type"] == "union_tag_invalid":
        message = f"expected {' or '.join(map(json.dumps, KINDS[parts[0]]))}"
        given = given.get("kind") if isinstance(given, dict) else None
    is_secret = "password" in key or source is sources[1] or "@" in str(given)  # may be user:password@host
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) and not is_secret else ""
    message = f"{message[0].lower()}{message[1:]}{shown}"
    return one_line(f"{where}: {message}" if where else message)


def _names_in(table: list[str]) -> list[str]:
    """The names that are allowed in a recipe, or in a table of one."""
    tables = {"": NamedRecipe.model_fields, "gate": RecipeGate.model_fields}
    return [*tables.get("".join(table[2:]), ())]
