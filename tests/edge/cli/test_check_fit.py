"""Things that do not fit together on a device are named, with the setting that fixes it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from edge.camera.check import Seen
from edge.cli.check_fit import hold_against_gate, try_picture, try_products, try_times
from edge.core.errors import BundleError, SettingsError
from edge.core.frame import Frame
from edge.core.preprocess import Region
from edge.deployment.selection import PersistedSelection, SelectedBundle, selection_file, write_selection
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe, RecipeGate
from edge.settings.settings import Settings


def settings_of(recipes: dict[str, NamedRecipe] | None = None, **flags: str) -> Settings:
    settings = load_settings(None, {key.replace("__", "."): value for key, value in flags.items()})
    return settings.model_copy(update={"recipes": recipes or {}})


def seen(width: int = 64, height: int = 64) -> Seen:
    image = np.full((height, width), 200, np.uint8)
    return Seen("a camera", Frame(image, 0, captured=0.0, captured_at=datetime.now(UTC)), 20.0)


@pytest.mark.parametrize(
    ("flags", "took_ms", "rate", "said"),
    [
        ({"gate__travel_ms": "30"}, 26.0, 10.0, r"gate\.travel_ms: 30, but a verdict takes 26\.0 ms"),
        ({}, 1.0, 200.0, r"gate\.min_gap_ms: 10, but frames, .* every 5\.0 ms: none would pass"),
        ({}, 30.0, 50.0, r"camera\.fps: a frame comes every 20\.0 ms and takes 30\.0 ms"),
        ({"gate__max_parts": "20"}, 1.0, 50.0, r"gate\.max_parts: 20, but 25 parts"),
        (
            {"trigger__kind": "message", "trigger__delay_ms": "100", "trigger__frames": "5"}
            | {"gate__travel_ms": "300"},
            1.0,
            20.0,
            r"gate\.travel_ms: 300, but a verdict takes 305\.0 ms",
        ),
    ],
)
def test_times_that_cannot_be_kept_are_refused_with_the_setting(
    flags: dict[str, str], took_ms: float, rate: float, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        hold_against_gate(settings_of(None, **flags), "default", took_ms=took_ms, rate=rate)


def test_times_that_can_be_kept_are_said_and_narrow_ones_are_a_warning() -> None:
    ample = hold_against_gate(settings_of(), "default", took_ms=5.0, rate=20.0)
    assert (ample.text, ample.warnings) == ("default: 5.0 ms to a verdict, 490 ms to spare", ())
    narrow = hold_against_gate(settings_of(gate__travel_ms="25"), "default", took_ms=15.0, rate=None)
    assert narrow.warnings == ("default: only 5.0 ms are left where 15.0 ms are needed",)
    told = settings_of(trigger__kind="message", trigger__timeout_ms="600")
    (late,) = hold_against_gate(told, "default", took_ms=5.0, rate=20.0).warnings
    assert late.startswith("trigger.timeout_ms")


def test_each_recipe_is_held_against_its_own_gate(bundle: Path) -> None:
    recipes = {"can": NamedRecipe(gate=RecipeGate(travel_ms=20, min_gap_ms=10))}
    settings = settings_of(recipes, model__path=str(bundle), trigger__kind="message", trigger__delay_ms="50")
    inspectors = try_products(settings).inspectors
    with pytest.raises(SettingsError, match=r"gate\.travel_ms: 20"):
        try_times(settings, seen(), inspectors)


def test_a_region_outside_the_picture_is_refused_by_its_recipe(bundle: Path) -> None:
    region = Region(x=40, y=0, width=40, height=40)
    settings = settings_of({"can": NamedRecipe(region=region)}, model__path=str(bundle))
    inspectors = try_products(settings).inspectors
    with pytest.raises(SettingsError, match=r"recipes\.can\.region: 40x40\+40\+0 lies outside the 64x64"):
        try_picture(seen(), inspectors)
    assert try_picture(seen(width=80), inspectors).warnings == ()


def test_a_picture_smaller_than_the_bundles_input_is_a_warning(bundle: Path) -> None:
    inspectors = try_products(settings_of(model__path=str(bundle))).inspectors
    (warning,) = try_picture(seen(width=20), inspectors).warnings
    assert "20x64 pixels are blown up to the bundle's 32x32" in warning


def test_every_bundle_is_loaded_and_a_missing_one_named_by_its_setting(bundle: Path) -> None:
    absent = {"can": NamedRecipe(bundle="absent.tflite")}
    with pytest.raises(BundleError, match=r"recipes\.can\.bundle: absent\.tflite"):
        try_products(settings_of(absent, model__path=str(bundle)))
    with pytest.raises(BundleError, match=r"shadow\.bundle: /.*absent\.tflite"):
        try_products(settings_of(model__path=str(bundle), shadow__bundle="absent.tflite"))


def test_a_folder_that_anybody_may_write_is_refused(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "allowed"
    folder.mkdir()
    settings = settings_of(model__path=str(bundle), model__folder=str(folder))
    folder.chmod(0o777)
    with pytest.raises(BundleError, match=r"model\.folder: anybody may write .*chmod o-w"):
        try_products(settings)
    folder.chmod(0o755)
    (folder / "a.tflite").touch()
    (folder / "a.tflite").chmod(0o666)
    (warning,) = try_products(settings).checked.warnings
    assert f"chmod o-w {folder}/*" in warning


def test_what_was_activated_and_is_gone_is_a_warning(bundle: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    settings = settings_of(model__path=str(bundle), journal__path=str(journal))
    chosen = SelectedBundle(name="gone.tflite", sha256="0" * 64, instead_of=str(bundle))
    write_selection(selection_file(journal), PersistedSelection(bundles={"default": chosen}))
    (warning,) = try_products(settings).checked.warnings
    assert warning.startswith("gone.tflite: no such bundle")
