"""Bundles in the allowed folder, and what changes them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.deployment.selection import selection_file
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored, store


@pytest.fixture
def stored(tmp_path: Path) -> dict[str, Stored]:
    """Bundles in the allowed folder."""
    folder = tmp_path / "bundles"
    return {
        "one": store(folder, "one.tflite", size=16),
        "two": store(folder, "two.tflite", size=24),
        "picky": store(folder, "picky.tflite", size=48, wants_a_part=True),
    }


@pytest.fixture
def bench(bundle: Path, stored: dict[str, Stored], tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Starts a changer, again with what was chosen before."""
    made: list[Bench] = []

    def start(recipes: dict[str, NamedRecipe] | None = None, **flags: Any) -> Bench:
        if made:
            made[-1].manager.stop()
        wanted = {key.replace("__", "."): str(value) for key, value in flags.items()}
        common = {"model.path": str(bundle), "model.folder": str(tmp_path / "bundles"), "model.watch_s": "0"}
        settings = load_settings(None, {**common, **wanted}).model_copy(update={"recipes": recipes or {}})
        made.append(Bench(settings, selection_file(tmp_path / "journal.sqlite")))
        return made[-1]

    yield start
    for one in made:
        one.manager.stop()
