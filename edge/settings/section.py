"""The base of every table of config.toml, and marks of a setting beside its type and bounds."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

_T = TypeVar("_T")


class Section(BaseModel):
    """A table of config.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Mark:
    """Stands in the annotation of a setting."""


_ON_RELOAD = _Mark()
_PATH = _Mark()

Reloadable = Annotated[_T, _ON_RELOAD]
"""A setting that a reload changes while the line runs; every other one waits for a restart."""

PathText = Annotated[str, _PATH]
"""A path; edge.settings.paths makes it absolute, unless it is empty."""


def is_reloadable(field: FieldInfo) -> bool:
    """True if a reload takes a new value of this setting."""
    return _ON_RELOAD in field.metadata


def is_path(field: FieldInfo) -> bool:
    """True if the setting is a path."""
    return _PATH in field.metadata
