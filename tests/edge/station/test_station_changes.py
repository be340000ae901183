"""Changes on a station while parts go by: bundles, recipes, settings, and a shadow beside."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.decision import Verdict
from edge.core.frame import Frame
from edge.core.runtime import load_model
from edge.deployment.deployment import Deployment
from edge.inspection.inspector import Inspection, Inspector
from edge.settings.recipe import NamedRecipe, RecipeGate
from testing.waiting import wait_for
from tests.edge.deployment.bundles import store
from tests.edge.station.stand import BAD, GOOD, Stand


def test_all_frames_of_a_part_are_judged_by_the_bundle_that_was_there_when_it_was_seen(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(
        trigger__kind="seen", trigger__frames=3, trigger__vote="mean", trigger__learn_frames=1,
        trigger__max_pause_ms=60000,
        gate__travel_ms=60000, gate__min_gap_ms=0.01, gate__window_ms=0.01,
    )  # fmt: skip
    first, two = here.inspector.model.bundle.sha256, store(tmp_path, "two.tflite", turned=True)
    for level in (GOOD, GOOD, BAD):
        here.show(level)
    here.change("activate", bundle="two.tflite", sha256=two.sha256)
    for level in (BAD, BAD, GOOD, BAD, BAD, BAD):
        here.show(level)
    assert here.recorded() == [("defect", first, "default", 3), ("ok", two.sha256, "default", 3)]


def test_a_bundle_that_fails_is_taken_back_between_two_parts(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(model__trial_faults=2)
    first, picky = here.inspector.model.bundle.sha256, store(tmp_path, "p.tflite", wants_a_part=True)
    here.change("activate", bundle="p.tflite", sha256=picky.sha256)
    for _ in range(3):
        time.sleep(0.03)
        here.show()
    assert [(verdict, model) for verdict, model, _, _ in here.recorded()] == [
        ("fault", picky.sha256), ("fault", picky.sha256), ("ok", first)
    ]  # fmt: skip


def test_the_gate_knows_before_the_last_bundle_is_asked_about_a_fault(
    stand: Callable[..., Stand], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand(gate__travel_ms=5000)
    rejected_when_asked: list[int] = []
    inspect = here.inspector.inspect

    def asked(frame: Frame) -> Inspection:
        rejected_when_asked.append(sum(command.part is not None for command in here.commands))
        return inspect(frame)

    picky = store(tmp_path, "p.tflite", wants_a_part=True)
    here.change("activate", bundle="p.tflite", sha256=picky.sha256)
    monkeypatch.setattr(here.inspector, "inspect", asked)
    here.show()
    assert rejected_when_asked == [1]


def test_another_recipe_has_its_own_gate_and_what_is_on_its_way_does_not_pass(
    stand: Callable[..., Stand],
) -> None:
    can = NamedRecipe(ok_below=0, defect_from=0, gate=RecipeGate(travel_ms=900, pulse_ms=7))
    here = stand({"can": can}, gate__mode="reject-unless-ok", gate__travel_ms=500, gate__min_gap_ms=100)
    here.show()
    here.change("recipe", recipe="can")
    time.sleep(0.12)
    here.show()
    here.change("recipe", recipe="default")
    time.sleep(0.6)
    here.show()
    assert [(verdict, recipe) for verdict, _, recipe, _ in here.recorded()] == [
        ("ok", "default"), ("defect", "can"), ("ok", "default")
    ]  # fmt: skip
    assert here.told(lambda command: command.action == "pass")
    assert len(here.commands) == 1, "the first was on its way when the gate changed"


def test_a_shadow_sees_what_was_decided_and_the_gate_never_hears_of_it(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(gate__travel_ms=5000)
    picky = Inspector(load_model(store(tmp_path, "p.tflite", wants_a_part=True).path))
    here.station.deployer.take(replace(here.station.manager.deployment, shadow=picky))
    for _ in range(3):
        time.sleep(0.03)
        here.show()
    shadow = here.station.shadow
    deadline = time.monotonic() + 20
    while shadow.statistics is None or shadow.statistics.scored < 3:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert shadow.statistics.pairs == {"ok/fault": 3}
    assert here.station.health.statistics(frames_dropped=0).shadow == shadow.statistics
    assert shadow.statistics.scored == 3
    assert [verdict for verdict, _, _, _ in here.recorded()] == ["ok"] * 3
    assert [command for command in here.commands if command.part is not None] == []


def test_a_shadow_is_not_shown_what_no_bundle_was_asked_about(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    """Else it would seem to disagree wherever a frame was too old, or a fault waited for its reset."""
    here = stand(station__latch_faults="true")
    other = Inspector(load_model(store(tmp_path, "two.tflite").path))
    here.station.deployer.take(replace(here.station.manager.deployment, shadow=other))
    here.show(age_s=1.0)
    here.station.camera("no frame")
    here.station.camera(None)
    time.sleep(0.03)
    here.show()
    here.command("reset")
    time.sleep(0.03)
    here.show()
    assert [inspection.verdict for inspection in here.found] == [Verdict.FAULT, Verdict.FAULT, Verdict.OK]
    shadow = here.station.shadow
    deadline = time.monotonic() + 20
    while shadow.statistics is None or shadow.statistics.pairs.get("ok/ok") != 1:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    assert shadow.statistics.pairs == {"ok/ok": 1}


def test_settings_that_are_read_again_reach_the_alarms_and_the_archive(
    stand: Callable[..., Stand], tmp_path: Path
) -> None:
    here = stand(archive__path=tmp_path / "archive", archive__ok_share=0, gate__travel_ms=5000)
    deployment = here.station.manager.deployment
    here.show()
    archive = deployment.settings.archive.model_copy(update={"ok_share": 1.0})
    alarms = deployment.settings.alarms.model_copy(update={"rejects_in_row": 1})
    settings = deployment.settings.model_copy(update={"archive": archive, "alarms": alarms})
    here.station.deployer.take(
        replace(deployment, settings=settings, inspector=Inspector(here.inspector.model))
    )
    time.sleep(0.03)
    here.show()
    time.sleep(0.03)
    here.show(BAD)
    wait_for(lambda: here.station.alarms.raised == ["rejects-in-row"])
    deadline = time.monotonic() + 20
    while len(list((tmp_path / "archive").rglob("*.png"))) < 2:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_settings_read_again_forget_what_the_alarms_learned_only_where_they_change_what_is_watched(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = stand()
    new_rules: list[object] = []
    monkeypatch.setattr(here.station.alarms, "judge_by", new_rules.append)
    settings = here.station.manager.deployment.settings
    gate = settings.gate.model_copy(update={"pulse_ms": 31.0})
    here.station.deployer.take(Deployment(settings.model_copy(update={"gate": gate}), here.inspector))
    assert new_rules == []
    alarms = settings.alarms.model_copy(update={"rejects_in_row": 7})
    here.station.deployer.take(Deployment(settings.model_copy(update={"alarms": alarms}), here.inspector))
    assert len(new_rules) == 1
