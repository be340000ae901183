"""Recipes by command, and settings that are read again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.errors import SettingsError
from edge.core.preprocess import Region
from edge.deployment.deployment import (
    activation,
    refuse_reload,
    reloading,
    switch_to,
)
from edge.deployment.manager import Outcome
from edge.deployment.selection import read_selection
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe, RecipeGate
from edge.settings.settings import Settings
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored


def test_a_recipe_brings_its_bundle_its_thresholds_and_its_gate_and_stays_over_a_restart(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    one, two = stored["one"], stored["two"]
    recipes = {
        "can": NamedRecipe(
            bundle=str(one.path), ok_below=0.0, defect_from=0.0, gate=RecipeGate(travel_ms=700)
        )
    }
    here = bench(recipes)
    first = here.bundle_sha256
    assert here.show().verdict == "ok"
    assert here.change(switch_to("can")).error is None
    assert (here.bundle_sha256, here.deployment.inspector.recipe) == (one.sha256, "can")
    assert here.show().verdict == "defect"
    here.change(activation(two.name, two.sha256))
    assert (here.bundle_sha256, here.show().verdict) == (two.sha256, "defect"), "for this recipe"
    here.change(switch_to("default"))
    assert here.bundle_sha256 == first
    here.change(switch_to("can"))
    here = bench(recipes)
    assert (here.bundle_sha256, here.deployment.inspector.recipe) == (two.sha256, "can")
    here = bench()
    assert (here.bundle_sha256, here.notes) == (
        first,
        ["there is no recipe can any more; default is in service"],
    )


def test_a_recipe_that_there_is_not_is_refused_without_an_alarm(bench: Callable[..., Bench]) -> None:
    here = bench({"can": NamedRecipe()})
    assert here.change(switch_to("jar")).error == "there is no recipe of this name; there are default, can"
    assert (here.taken, here.alarms) == ([], [])


def test_a_recipe_is_not_taken_back_for_the_last_one_is_of_another_product(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    picky = stored["picky"]
    here = bench({"can": NamedRecipe(bundle=str(picky.path))}, model__trial_faults=1)
    here.change(switch_to("can"))
    assert [here.show().verdict for _ in range(3)] == ["fault"] * 3
    assert here.bundle_sha256 == picky.sha256


def test_settings_read_again_change_what_can_change_and_name_the_rest(bench: Callable[..., Bench]) -> None:
    here = bench()
    model = here.deployment.inspector.model
    flags = {
        "model.path": here.deployment.settings.model.path,
        "recipe.ok_below": "0",
        "recipe.defect_from": "0",
    }
    read = load_settings(None, {**flags, "model.folder": "elsewhere", "camera.kind": "device"})
    outcome = here.change(reloading(lambda: read))
    assert outcome == Outcome(note="needs a restart: camera.kind")
    assert here.show().verdict == "defect"
    assert here.deployment.inspector.model is model, "not loaded again"
    assert Path(here.deployment.settings.model.folder).name == "elsewhere"
    assert here.deployment.settings.camera.kind == "simulated"


def with_gate(settings: Settings, **gate: float) -> Settings:
    return settings.model_copy(update={"gate": settings.gate.model_copy(update=gate)})


def with_thresholds(settings: Settings, ok_below: float, defect_from: float) -> Settings:
    changes = {"ok_below": ok_below, "defect_from": defect_from}
    return settings.model_copy(update={"recipe": settings.recipe.model_copy(update=changes)})


def test_a_reload_keeps_the_inspector_and_its_trial_where_nothing_of_them_changed(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    recipes = {"can": NamedRecipe(bundle=str(stored["one"].path))}
    here, two = bench(recipes, model__trial_frames=3, model__trial_faults=3), stored["two"]
    here.change(activation(two.name, two.sha256))
    inspector, settings = here.deployment.inspector, here.deployment.settings
    here.show()
    for read in (settings, with_gate(settings, pulse_ms=31.0)):
        assert here.change(reloading(lambda read=read: read)).error is None  # type: ignore[misc]
        assert here.deployment.inspector is inspector
    assert here.deployment.settings.gate.pulse_ms == 31
    here.show()
    here.show()
    here.poll_until(lambda: read_selection(here.file)[0].last_good is None)
    here.change(switch_to("can"))
    inspector = here.deployment.inspector
    elsewhere = load_settings(None, {"model.path": str(stored["picky"].path)})
    elsewhere = elsewhere.model_copy(update={"recipes": recipes})
    assert here.change(reloading(lambda: elsewhere)).error is None
    assert here.deployment.inspector is inspector, "of a recipe with a bundle of its own"


def test_the_alarm_of_settings_that_were_taken_back_ends_with_settings_that_work(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here = bench(model__trial_faults=1)
    settings = here.deployment.settings
    outside = settings.recipe.model_copy(update={"region": Region(x=100, y=0, width=50, height=50)})
    wrong = settings.model_copy(update={"recipe": outside})
    for repaired in (settings, with_thresholds(settings, 0.3, 0.4)):
        here.alarms.clear()
        assert here.change(reloading(lambda: wrong)).error is None
        here.show()
        assert here.deployment.settings.recipe.region is None, "taken back"
        assert len(here.alarms) == 1
        assert "with the settings of before" in str(here.alarms[0])
        here.change(reloading(lambda repaired=repaired: repaired))  # type: ignore[misc]
        assert here.alarms[1:] == [None]


def test_a_reload_does_not_end_the_alarm_of_a_file_that_is_not_what_decides(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__watch_s=0.02, model__trial_faults=1)
    settings, good = here.deployment.settings, bundle.read_bytes()
    stored["picky"].path.replace(bundle)
    here.poll_until(lambda: here.bundle_sha256 == stored["picky"].sha256)
    here.show()
    assert len(here.alarms) == 1
    here.change(reloading(lambda: settings))
    assert len(here.alarms) == 1
    bundle.with_suffix(".last").write_bytes(good)
    bundle.with_suffix(".last").replace(bundle)
    here.poll_until(lambda: here.alarms[1:] == [None])


def test_settings_that_are_wrong_change_nothing_and_are_answered_with_why(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    here = bench({"can": NamedRecipe()})
    file = tmp_path / "config.toml"
    file.write_text("[gate]\npulse_ms = -1\n")
    assert "gate.pulse_ms" in str(here.change(reloading(lambda: load_settings(file, {}))).error)
    here.change(switch_to("can"))
    known = {"model.path": here.deployment.settings.model.path}
    gone = here.change(reloading(lambda: load_settings(None, known)))
    assert gone.error == "recipes.can: is in service; switch to another recipe before"
    absent = load_settings(None, {"model.path": "absent.tflite"})
    here.change(switch_to("default"))
    assert here.alarms == []
    assert "absent.tflite" in str(here.change(reloading(lambda: absent)).error)
    assert len(here.alarms) == 1
    with pytest.raises(SettingsError, match="no settings to read"):
        refuse_reload(here.deployment)


def test_a_reload_can_bring_a_bundle_and_a_shadow(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(), stored["one"], stored["two"]
    read = load_settings(None, {"model.path": str(one.path), "shadow.bundle": str(two.path)})
    assert here.change(reloading(lambda: read)).error is None
    assert here.bundle_sha256 == one.sha256
    assert here.deployment.shadow is not None
    assert here.deployment.shadow.model.bundle.sha256 == two.sha256


def test_a_reload_keeps_the_shadow_where_nothing_of_it_changed(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here = bench(shadow__bundle=stored["two"].path)
    shadow, settings = here.deployment.shadow, here.deployment.settings
    here.change(reloading(lambda: with_gate(settings, pulse_ms=31.0)))
    assert here.deployment.shadow is shadow is not None
    here.change(reloading(lambda: with_thresholds(settings, 0.3, 0.4)))
    assert here.deployment.shadow is not shadow
    assert here.deployment.shadow is not None
    assert (here.deployment.shadow.model, here.deployment.shadow.thresholds.ok_below) == (shadow.model, 0.3)
