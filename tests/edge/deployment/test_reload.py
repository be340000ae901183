"""Settings read again: what is taken, what waits for a restart, what is refused whole."""

import pytest

from edge.core.errors import SettingsError
from edge.deployment.reload import reload
from edge.settings.load_settings import load_settings
from edge.settings.recipe import NamedRecipe
from edge.settings.settings import Settings


def settings_with(**flags: str) -> Settings:
    return load_settings(None, {key.replace("__", "."): value for key, value in flags.items()})


def test_what_can_change_is_taken_and_the_rest_keeps_its_value_and_is_named() -> None:
    now = settings_with()
    read = settings_with(
        recipe__ok_below="0.1", recipe__defect_from="0.9", gate__pulse_ms="30",
        camera__kind="device", camera__device="1", gate__mode="reject-unless-ok",
        log__level="debug", archive__ok_share="0.5", archive__max_days="3",
        alarms__rate_window="50", alarms__clear_s="2",
    )  # fmt: skip
    result = reload(now, read)
    assert result.changed == (
        "recipe.ok_below", "recipe.defect_from", "gate.pulse_ms", "archive.ok_share", "alarms.rate_window",
        "log.level",
    )  # fmt: skip
    assert result.waiting == (
        "camera.kind",
        "camera.device",
        "gate.mode",
        "archive.max_days",
        "alarms.clear_s",
    )
    assert (result.settings.recipe.ok_below, result.settings.gate.pulse_ms) == (0.1, 30)
    assert (result.settings.camera, result.settings.gate.mode) == (now.camera, now.gate.mode)
    again = reload(result.settings, read)
    assert (again.changed, again.waiting) == ((), result.waiting), "until the restart it is still named"


def test_nothing_changes_where_nothing_differs() -> None:
    result = reload(settings_with(), settings_with())
    assert (result.changed, result.waiting) == ((), ())


def test_what_would_not_fit_without_a_restart_is_refused() -> None:
    now = settings_with()
    read = settings_with(gate__belt="encoder", gate__travel_counts="900", gate__min_gap_counts="9")
    assert reload(now, read).waiting == ("gate.belt",)
    read = settings_with(gate__confirm_ms="5", gate__travel_ms="9", gate__min_gap_ms="5", gate__window_ms="5",
                         gate__margin_ms="2")  # fmt: skip
    assert reload(now, read).waiting == ("gate.confirm_ms",)
    now = settings_with(gate__belt="message", gate__min_gap_ms="40")
    with pytest.raises(SettingsError, match=r"gate: together with what changes only at a restart: .*min_gap"):
        reload(now, settings_with(gate__belt="steady", gate__min_gap_ms="10"))


def test_recipes_come_and_go() -> None:
    now = settings_with().model_copy(update={"recipes": {"can": NamedRecipe(), "jar": NamedRecipe()}})
    read = settings_with().model_copy(
        update={"recipes": {"can": NamedRecipe(bundle="can.tflite"), "tin": NamedRecipe()}}
    )
    result = reload(now, read)
    assert result.changed == ("recipes.can", "recipes.jar", "recipes.tin")
    assert result.settings.recipes == read.recipes
