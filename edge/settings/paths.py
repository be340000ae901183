"""Which settings are paths, and where the relative ones begin.

What stands in a settings file, and every default, is relative to the folder of that file: a station and
whoever looks at it from another folder mean the same journal. Flags and variables are relative to the
working directory, as everywhere in a shell. Without a file all are.
"""

from collections.abc import Collection
from pathlib import Path

from edge.settings.section import Section
from edge.settings.settings import Settings

PATHS = (
    "model.path",
    "model.folder",
    "shadow.bundle",
    "mqtt.ca_file",
    "mqtt.cert_file",
    "mqtt.key_file",
    "journal.path",
    "archive.path",
)
"""Beside these, ``camera.source`` where it names a file or folder, and the bundles of recipes."""
PIPELINE = "gstreamer:"
SNAPSHOT = "snapshot:"
"""Before the address of a single picture that isn't told by its name."""


def names_a_file(source: str) -> bool:
    """Whether ``camera.source`` is the path of a stored file or folder, there or not."""
    is_other = source == "simulated" or source.startswith((PIPELINE, SNAPSHOT, "/dev/")) or "://" in source
    return not is_other and not source.isdecimal()


def with_whole_paths(settings: Settings, file: Path | None, given: Collection[str]) -> Settings:
    """The settings with every path absolute; ``given``: the keys that flags and variables set."""
    here = Path.cwd()
    # A pipe or /dev/null has no folder that anybody means. One name for the folder, however it was reached:
    # what was chosen by command holds as long as the settings name the same bundle.
    home = file.parent.resolve() if file is not None and file.is_file() else here

    def whole(key: str, value: str) -> str:
        return str((here if key in given else home) / value) if value else value

    source = ("camera.source",) if names_a_file(settings.camera.source) else ()
    for key in (*PATHS, *source):
        section, name = key.split(".")
        table: Section = getattr(settings, section)
        changed = table.model_copy(update={name: whole(key, getattr(table, name))})
        settings = settings.model_copy(update={section: changed})
    recipes = {
        name: recipe.model_copy(update={"bundle": whole(f"recipes.{name}", recipe.bundle)})
        for name, recipe in settings.recipes.items()
    }
    return settings.model_copy(update={"recipes": recipes})
