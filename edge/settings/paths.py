"""Where the relative paths of settings begin.

What stands in a settings file, and every default, is relative to the folder of that file: a station and
whoever looks at it from another folder mean the same journal. Flags and variables are relative to the
working directory, as everywhere in a shell. Without a file all are.
"""

from collections.abc import Collection
from pathlib import Path

from edge.settings.recipe import RECIPES
from edge.settings.section import Section, is_path
from edge.settings.settings import Settings


def with_whole_paths(settings: Settings, file: Path | None, given: Collection[str]) -> Settings:
    """The settings with every path absolute; ``given``: the keys that flags and variables set."""
    here = Path.cwd()
    # A pipe or /dev/null has no folder that anybody means. One name for the folder, however it was reached:
    # what was chosen by command holds as long as the settings name the same bundle.
    home = file.parent.resolve() if file is not None and file.is_file() else here

    def whole(section: str, table: Section) -> Section:
        texts = {
            key: getattr(table, key) for key, field in type(table).model_fields.items() if is_path(field)
        }
        update = {
            key: str((here if f"{section}.{key}" in given else home) / text)
            for key, text in texts.items()
            if text
        }
        return table.model_copy(update=update)

    sections = {
        name: whole(name, getattr(settings, name)) for name in Settings.model_fields if name != RECIPES
    }
    recipes = {name: whole(RECIPES, recipe) for name, recipe in settings.recipes.items()}
    return settings.model_copy(update={**sections, RECIPES: recipes})
