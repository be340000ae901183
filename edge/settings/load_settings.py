"""Settings from flags, environment, credentials and config.toml, or what is wrong with them in one line.

Flags (`--camera.source 0`) come before the environment (`EDGE_CAMERA__SOURCE=0`), before systemd's
credentials, before the file, before the defaults. Unknown keys and wrong values are refused. Every path is
absolute afterwards; edge/settings/paths.py says from where.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource
from pydantic_settings import SettingsError as PydanticSettingsError

from edge.core.errors import SettingsError, one_line
from edge.service.credentials import PREFIX as CREDENTIAL_PREFIX
from edge.service.credentials import read_credentials
from edge.settings.paths import with_whole_paths
from edge.settings.recipe import RECIPES, NamedRecipe, RecipeGate
from edge.settings.settings import ENVIRONMENT_PREFIX, Settings, reason_of, setting_fields


def load_settings(file: Path | None, flags: Mapping[str, str]) -> Settings:
    """Settings from a TOML file, systemd's credentials, the environment and flags ("section.key" to text).

    Raises SettingsError, which names the file, credential, variable or flag and the key.
    """
    from_file = _read_toml(file) if file is not None else {}
    _refuse_unknown(_flatten(from_file), str(file))
    credentials = read_credentials()
    for key in credentials:
        _refuse_unknown([key], f"credential {CREDENTIAL_PREFIX}{key}")
    variables = _environment_keys()

    class SourcedSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the base class's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            tables = (_tables(credentials, "credential {}"), from_file)
            files = [InitSettingsSource(settings_cls, values) for values in tables]
            return init_settings, env_settings, *files

    try:
        settings = SourcedSettings(**_tables(flags, "--{}"))
    except ValidationError as error:
        raise SettingsError(_explain(error, file, variables, flags, credentials)) from error
    except PydanticSettingsError as error:
        raise SettingsError(f"environment: {error}") from error
    return with_whole_paths(settings, file, {*flags, *variables, *credentials})


def read_toml(file: Path) -> dict[str, Any]:
    """The tables of a TOML file; editors on Windows put a byte order mark first, which TOML has none of.

    Raises OSError, UnicodeDecodeError or ValueError.
    """
    return tomllib.loads(file.read_text("utf-8-sig"))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        values = read_toml(file)
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: is not UTF-8 text; save it as UTF-8") from error
    except RecursionError as error:
        raise SettingsError(f"{file}: not valid TOML: tables or lists are nested too deeply") from error
    except ValueError as error:  # of TOML, or of a number that is too long for Python
        raise SettingsError(f"{file}: not valid TOML: {error}") from error
    for section, table in values.items():
        if section in Settings.model_fields and not isinstance(table, dict):
            raise SettingsError(f"{file}: {section}: must be a table: [{section}]")
    return values


def _flatten(values: Mapping[str, Any]) -> list[str]:
    keys: list[str] = []
    for section, table in values.items():
        if section == RECIPES:
            continue  # what stands in them is checked with the values
        if isinstance(table, dict) and section in Settings.model_fields:
            keys.extend(f"{section}.{key}" for key in table)
        else:
            keys.append(section)
    return keys


def _environment_keys() -> set[str]:
    """Keys that the environment sets; raises SettingsError for a variable that is no setting."""
    keys = set()
    for name in os.environ:
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".", 1)
            _refuse_unknown([key], name)
            keys.add(key)
    return keys


def _tables(values: Mapping[str, str], named: str) -> dict[str, Any]:
    """Sections of what came as "section.key" to text."""
    tables: dict[str, Any] = {}
    for key, text in values.items():
        section, name = key.split(".")
        tables.setdefault(section, {})[name] = _parse(text, named.format(key))
    return tables


def _parse(text: str, where: str) -> Any:
    """Tables and lists, such as a region, are given as JSON, as to a variable."""
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{where}: not valid JSON: {error}") from error


def _refuse_unknown(keys: list[str], where: str) -> None:
    known = [key for key, _ in setting_fields()]
    for key in keys:
        if key not in known:
            alike = known if "." in key else [*Settings.model_fields]
            raise SettingsError(one_line(f"{where}: {key}: {_unknown(key, alike)}"))


def _unknown(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return "unknown setting; " + (f"did you mean {near[0]}?" if near else "config.toml lists every setting")


def _explain(
    error: ValidationError,
    file: Path | None,
    variables: Collection[str],
    flags: Collection[str],
    credentials: Collection[str],
) -> str:
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]  # of a table: its name is wrong
    key = ".".join(parts[:2])
    if key in flags:
        where = f"--{key}"
    elif key in variables:
        where = ENVIRONMENT_PREFIX + key.upper().replace(".", "__")
    elif key in credentials:
        where = f"credential {CREDENTIAL_PREFIX}{key}"
    else:
        where = ": ".join(text for text in (str(file or ""), ".".join(parts)) if text)
    if first["type"] == "extra_forbidden":
        return one_line(f"{where}: {_unknown(parts[-1], _names_in(parts[:-1]))}")
    message = reason_of(error)
    given = first.get("input")
    is_secret = "password" in key or key in credentials or "@" in str(given)  # may be user:password@host
    shown = f" (given: {given!r})" if isinstance(given, str | int | float) and not is_secret else ""
    message = f"{message[0].lower()}{message[1:]}{shown}"
    return one_line(f"{where}: {message}" if where else message)


def _names_in(table: list[str]) -> list[str]:
    """What may stand in a recipe, or in a table of one."""
    tables = {"": NamedRecipe.model_fields, "gate": RecipeGate.model_fields}
    return [*tables.get("".join(table[2:]), ())]
