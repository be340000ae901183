"""config.toml, written from the settings themselves: `python -m edge.settings.settings_document`."""

import json
import sys
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from edge.settings.settings import Settings, setting_fields

_HEADER = """\
# Linegate: every setting with its default. Made by `make config` from edge/settings.
#
# The environment overrides this file (EDGE_CAMERA__SOURCE=0), flags override both
# (edge --camera.source 0). An unknown key or a wrong value stops the start, with its name.
# Paths in this file, and the defaults, are relative to the folder it lies in; those of the environment
# and of flags to the working directory.
"""

_RECIPES = """
# Further products, switched by the command `recipe`: as many tables as there are products. What a table
# leaves out is as in the bundle's manifest, in [model] and in [gate]. [recipe] is the recipe "default".
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
    lines = [_HEADER]
    section = ""
    for key, field in setting_fields():
        table, name = key.split(".")
        if table != section:
            section = table
            about = Settings.model_fields[table].annotation
            lines.append(f"\n[{table}]  # {(about.__doc__ if about else '') or ''}\n")
        lines.append(f"# {field.description}{_bounds(field)}\n{_assignment(name, field)}\n")
    return "".join(lines) + _RECIPES


def _assignment(name: str, field: FieldInfo) -> str:
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return f"# {name} =" if value is None else f"{name} = {json.dumps(value)}"


def _bounds(field: FieldInfo) -> str:
    """What the annotation allows, as text; choices already stand in the description."""
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
