"""config.toml, written from the settings themselves: `python -m edge.settings.settings_document`."""

import json
import sys
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edge.settings.recipe import RECIPES
from edge.settings.section import is_reloadable
from edge.settings.settings import (
    KINDS,
    Settings,
    kinds_about,
    section_about,
    section_kinds,
    setting_fields,
)

FIRST = ("station.name", "camera.kind", "trigger.kind", "gate.travel_ms", "mqtt.host")
"""What everybody changes."""

_HEADER = """\
# Linegate: every setting with its default. Made by `make config` from edge/settings.
#
# A line that begins with # and a name is off, and shows the default: take the # away to change it. Keep
# the full names (camera.width): TOML allows no table [camera] beside them.
# The environment overrides this file (EDGE_CAMERA__WIDTH=1280), flags override both
# (edge --camera.width 1280). An unknown key or a wrong value stops the start, with its name.
# Paths in this file, and the defaults, are relative to the folder it lies in; those of the environment
# and of flags to the working directory.
# (reload): `systemctl reload edge` and the command `reload` take a new value; others wait for a restart.

# ======== What everybody changes
"""

_FIRST_HEADER = """\
# Linegate: what differs from the defaults. Made by `edge init`; `edge --help` names every other setting,
# which may be added here with its full name.
"""

_RECIPES = """
# ======== Further products, switched by the command `recipe` (reload)
# As many tables as there are products, at the end of this file. What a table leaves out is as in the
# bundle's manifest, in model and in gate. The settings recipe.… are the recipe "default".
#
# [recipes.bottle]
# bundle = "bundles/bottle.tflite"
# ok_below = 0.2
# defect_from = 0.6
# region = { x = 40, y = 0, width = 400, height = 400 }
# gate = { travel_ms = 450.0, pulse_ms = 30.0 }
"""


def settings_document() -> str:
    """All settings with their defaults as TOML, each with a line on what it does."""
    fields = dict(setting_fields())
    first = [f"{_described(key, fields[key])}{_assignment(key, fields[key])}\n" for key in FIRST]
    sections = [_section(section) for section in Settings.model_fields if section != RECIPES]
    return "".join((_HEADER, *first, *sections, _RECIPES))


def document_of(settings: Settings, keys: Iterable[str]) -> str:
    """Commented TOML of the settings everybody changes, and of these keys where they differ from defaults."""
    fields = dict(setting_fields())
    lines = [_FIRST_HEADER]
    for key, field in ((key, fields[key]) for key in (*FIRST, *(key for key in fields if key not in FIRST))):
        section, name = key.split(".")
        value = getattr(getattr(settings, section), name, None)
        if key in FIRST or (key in keys and value not in (None, field.default)):
            lines.append(f"{_described(key, field)}{_toml(key, value)}\n")
    return "\n".join(lines)


def _toml(key: str, value: object) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(plain, BaseModel):
        plain = plain.model_dump(exclude_none=True)
    if isinstance(plain, dict):
        inner = ", ".join(f"{name} = {json.dumps(one, ensure_ascii=False)}" for name, one in plain.items())
        return f"{key} = {{ {inner} }}"
    return f"{key} = {json.dumps(plain, ensure_ascii=False)}"


def _section(section: str) -> str:
    """The settings of a section that don't stand at the top; those of a kind before those of all."""
    kinds = section_kinds(section)
    groups: dict[tuple[str, ...], dict[str, FieldInfo]] = {}
    for model in kinds.values():
        for key, field in model.model_fields.items():
            having = tuple(
                kind for kind, other in kinds.items() if _is_alike(field, other.model_fields.get(key))
            )
            groups.setdefault(having, {}).setdefault(f"{section}.{key}", field)
    lines = [f"\n# ======== {section}: {section_about(section)}\n"]
    for having, fields in sorted(groups.items(), key=lambda group: len(group[0])):
        if len(having) < len(kinds):
            lines.append(f"# -------- with {section}.kind = {' or '.join(map(json.dumps, having))}\n")
        elif len(groups) > 1:
            lines.append("# -------- always\n")
        for key, field in fields.items():
            if key not in FIRST:
                lines.append(f"{_described(key, field)}#{_assignment(key, field)}\n")
    return "".join(lines)


def _is_alike(field: FieldInfo, other: FieldInfo | None) -> bool:
    return other is not None and field.description == other.description


def _described(key: str, field: FieldInfo) -> str:
    section, name = key.split(".")
    if section in KINDS and name == "kind":
        return "".join(f"# {line}\n" for line in kinds_about(section))
    return f"# {field.description}{_bounds(field)}{' (reload)' if is_reloadable(field) else ''}\n"


def _assignment(key: str, field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return f"{key} =" if value is None or value is PydanticUndefined else f"{key} = {json.dumps(value)}"


def _bounds(field: FieldInfo) -> str:
    """The bounds in the annotation, as text; choices already stand in the description."""
    limits: dict[str, float] = {}
    for rule in [
        *field.metadata,
        *(r for a in get_args(field.annotation) for r in getattr(a, "metadata", [])),
    ]:
        for bound in ("ge", "gt", "le", "lt"):
            if getattr(rule, bound, None) is not None:
                limits[bound] = getattr(rule, bound)
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    text = " ".join(f"{words[bound]} {limits[bound]:g}" for bound in words if bound in limits)
    return f" [{text}]" if text else ""


if __name__ == "__main__":
    sys.stdout.write(settings_document())
