"""What decides on a line changes beside it, and only when the line takes it."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.bundle import read_bundle
from edge.changes.changer import Change, Changer, Outcome
from edge.changes.choice import Choice, Kept, choice_file, read_choice
from edge.changes.replaced import Look, look_at
from edge.changes.served import (
    Prepare,
    Prepared,
    Served,
    activation,
    refuse_reload,
    reloading,
    replacement,
    serve_first,
    switch_to,
)
from edge.errors import BundleError, SettingsError
from edge.frame import Frame
from edge.inspector import Inspection
from edge.load_settings import load_settings
from edge.preprocess import Region
from edge.settings import NamedRecipe, RecipeGate, Settings
from tests.edge.changes.bundles import Stored, store

GOOD, BAD = 200, 40


class Bench:
    """A changer with a line that takes what it is offered, and says what it was told."""

    def __init__(self, settings: Settings, file: Path) -> None:
        self.file = file
        self.alarms: list[str | None] = []
        self.taken: list[Served] = []
        served, self.notes = serve_first(settings, file)
        self.changer = Changer(served, file=file, take=self.taken.append, alarm=self._alarm)
        self.changer.start()

    def _alarm(self, name: str, text: str | None) -> None:
        assert name == "bundle"
        self.alarms.append(text)

    @property
    def served(self) -> Served:
        return self.changer.served

    @property
    def model_id(self) -> str:
        return self.served.inspector.model.bundle.model_id

    def tend_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "not in time"
            self.changer.tend()
            threading.Event().wait(0.005)

    def change(self, prepare: Prepare) -> Outcome:
        """Have a change made, and wait for what comes of it."""
        outcomes: list[Outcome] = []
        assert self.changer.ask(Change("a change", prepare, outcomes.append)) is None
        self.tend_until(lambda: bool(outcomes))
        return outcomes[0]

    def show(self, level: int = GOOD, *, spoilt: str | None = None) -> Inspection:
        """One frame through what decides now, as a station does it."""
        inspector = self.served.inspector
        image = np.full((32, 32), level, np.uint8)
        frame = Frame(image, 0, captured=0.0, captured_at=datetime.now(UTC), fault=spoilt)
        inspection = inspector.inspect(frame)
        self.changer.judge(inspector, inspection)
        return inspection


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
            made[-1].changer.stop()
        wanted = {key.replace("__", "."): str(value) for key, value in flags.items()}
        common = {"model.path": str(bundle), "model.folder": str(tmp_path / "bundles"), "model.watch_s": "0"}
        settings = load_settings(None, {**common, **wanted}).model_copy(update={"recipes": recipes or {}})
        made.append(Bench(settings, choice_file(tmp_path / "journal.sqlite")))
        return made[-1]

    yield start
    for one in made:
        one.changer.stop()


def test_a_bundle_of_the_folder_decides_from_when_the_line_takes_it(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    before = here.served
    outcomes: list[Outcome] = []
    here.changer.ask(Change("activate", activation(two.name, two.sha256), outcomes.append))
    here.tend_until(lambda: bool(here.taken))
    assert here.taken == [here.served]
    assert (here.model_id, before.inspector.model.bundle.model_id != two.sha256) == (two.sha256, True)
    here.tend_until(lambda: bool(outcomes))
    assert outcomes == [Outcome()]


def test_until_the_line_takes_it_nothing_is_answered_and_a_second_change_is_busy(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    outcomes: list[Outcome] = []
    ready = threading.Event()

    def prepare(served: Served) -> Prepared:
        prepared = activation(two.name, two.sha256)(served)
        ready.set()
        return prepared

    here.changer.ask(Change("activate", prepare, outcomes.append))
    assert ready.wait(20)
    busy = here.changer.ask(Change("again", activation(two.name, two.sha256), outcomes.append))
    assert busy is not None
    assert busy.startswith("busy")
    assert (outcomes, here.taken) == ([], [])
    here.tend_until(lambda: bool(outcomes))
    here.change(activation(two.name, two.sha256))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.tflite", "no such bundle"),
        ("../toy.tflite", "only names of letters"),
        ("..", "only names of letters"),
        (".hidden", "only names of letters"),
        ("a/b", "only names of letters"),
        ("link.tflite", "no such bundle"),
        ("folder", "no such bundle"),
    ],
)
def test_no_name_leads_out_of_the_folder(
    name: str, said: str, bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    folder = stored["one"].path.parent
    (folder / "link.tflite").symlink_to(bundle)
    (folder / "folder").mkdir()
    here = bench()
    outcome = here.change(activation(name, here.model_id))
    assert said in str(outcome.error)
    assert here.taken == []


def test_a_file_with_another_hash_is_not_taken_and_one_alarm_says_so(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(), stored["one"], stored["two"]
    for _ in range(2):
        assert "and not the one that was expected" in str(here.change(activation(one.name, two.sha256)).error)
    assert here.taken == []
    assert len(here.alarms) == 1
    here.change(activation(two.name, two.sha256))
    assert here.alarms[1:] == [None]


def test_what_raises_changes_nothing(bench: Callable[..., Bench]) -> None:
    here = bench()

    def prepare(_served: Served) -> Prepared:
        raise ZeroDivisionError("no")

    assert here.change(prepare).error == "ZeroDivisionError: no"
    assert here.taken == []
    assert here.changer.ask(Change("next", prepare)) is None, "it is not busy any more"


def test_a_bundle_that_fails_at_its_first_parts_is_rolled_back(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_frames=10, model__trial_faults=2), stored["one"], stored["picky"]
    here.change(activation(one.name, one.sha256))
    for _ in range(10):
        here.show()
    here.change(activation(picky.name, picky.sha256))
    assert here.show().verdict == "fault"
    assert here.model_id == picky.sha256, "one fault may be"
    here.show()
    assert here.model_id == one.sha256
    assert here.alarms == [
        f"{picky.path}: 2 of its first 2 frames were faults; {one.path} is back in service"
    ]
    here.tend_until(lambda: read_choice(here.file)[0].bundles["default"].name == one.name)
    assert here.show().verdict == "ok"


def test_without_one_proven_by_its_first_parts_the_settings_bundle_comes_back(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_faults=1), stored["one"], stored["picky"]
    first = here.model_id
    here.change(activation(one.name, one.sha256))
    here.change(activation(picky.name, picky.sha256))
    here.show()
    assert here.model_id == first
    here.tend_until(lambda: read_choice(here.file)[0].bundles == {})


def test_faults_of_the_camera_and_those_that_the_last_bundle_has_too_do_not_count(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_faults=1), stored["one"], stored["picky"]
    here.change(activation(one.name, one.sha256))
    for _ in range(5):
        assert here.show(spoilt="camera: black").verdict == "fault"
    assert here.model_id == one.sha256
    here = bench(model__trial_faults=1, model__path=picky.path)
    again = store(picky.path.parent, "again.tflite", size=40, wants_a_part=True)
    here.change(activation(again.name, again.sha256))
    for _ in range(5):
        assert here.show().verdict == "fault"
    assert here.model_id == again.sha256


def test_frames_that_the_camera_spoilt_prove_nothing(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, picky = bench(model__trial_frames=3, model__trial_faults=1), stored["picky"]
    first = here.model_id
    here.change(activation(picky.name, picky.sha256))
    for _ in range(5):
        here.show(spoilt="camera: black")
    here.show()
    assert here.model_id == first, "it was still on trial"


def test_verdicts_that_come_too_late_count(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, one = bench(model__trial_faults=2), stored["one"]
    first = here.model_id
    here.change(activation(one.name, one.sha256))
    for _ in range(2):
        here.changer.judge_late(here.served.inspector)
    assert here.model_id == first


def test_after_its_trial_a_bundle_stays(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, one = bench(model__trial_frames=3, model__trial_faults=1), stored["one"]
    here.change(activation(one.name, one.sha256))
    for _ in range(3):
        here.show()
    for _ in range(5):
        here.changer.judge_late(here.served.inspector)
    assert here.model_id == one.sha256


def test_a_change_prepared_from_what_was_rolled_back_meanwhile_is_prepared_again(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, picky = bench(model__trial_faults=1), stored["picky"]
    first = here.model_id
    here.change(activation(picky.name, picky.sha256))
    bases: list[Served] = []
    ready = threading.Event()

    def prepare(served: Served) -> Prepared:
        bases.append(served)
        ready.set()
        return reloading(lambda: served.settings)(served)

    outcomes: list[Outcome] = []
    here.changer.ask(Change("reload", prepare, outcomes.append))
    assert ready.wait(20)
    here.show()
    here.tend_until(lambda: bool(outcomes))
    assert [base.inspector.model.bundle.model_id for base in bases] == [picky.sha256, first]
    assert here.model_id == first


def test_what_was_activated_decides_after_a_restart(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    here.change(activation(two.name, two.sha256))
    here = bench()
    assert (here.model_id, here.notes) == (two.sha256, [])


def crash(here: Bench) -> None:
    """End a changer as a crash does: its thread writes nothing any more."""
    kept = here.file.read_bytes()
    here.changer.stop()
    here.file.write_bytes(kept)


def test_a_bundle_that_kills_the_process_in_its_trial_does_not_decide_again(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(model__trial_frames=3), stored["one"], stored["two"]
    here.change(activation(one.name, one.sha256))
    for _ in range(3):
        here.show()
    here.change(activation(two.name, two.sha256))
    here.show()
    crash(here)
    here = bench(model__trial_frames=3)
    assert here.model_id == one.sha256
    assert here.notes == [
        f"{two.path}: the process ended while this was on trial; {one.path} is back in service"
    ]
    here.tend_until(lambda: read_choice(here.file)[0].last_good is None)
    assert read_choice(here.file)[0].bundles["default"].name == one.name
    crash(here)
    again = bench(model__trial_frames=3)
    assert (again.model_id, again.notes) == (one.sha256, []), "said once"


def test_that_it_is_on_trial_is_on_the_disk_before_it_decides(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    first = here.model_id
    here.changer.ask(Change("activate", activation(two.name, two.sha256)))
    deadline = time.monotonic() + 20
    while not here.file.exists():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.005)
    assert here.taken == [], "the line has not taken it"
    kept = read_choice(here.file)[0]
    assert (kept.bundles["default"].sha256, kept.last_good) == (two.sha256, Choice())
    crash(here)
    assert bench().model_id == first


def test_what_was_tried_to_its_end_decides_after_a_crash(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(model__trial_frames=2), stored["two"]
    here.change(activation(two.name, two.sha256))
    for _ in range(2):
        here.show()
    here.tend_until(lambda: read_choice(here.file)[0].last_good is None)
    crash(here)
    here = bench(model__trial_frames=2)
    assert (here.model_id, here.notes) == (two.sha256, [])


def test_without_a_trial_there_is_no_mark(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, two = bench(model__trial_frames=0), stored["two"]
    here.change(activation(two.name, two.sha256))
    crash(here)
    assert bench(model__trial_frames=0).model_id == two.sha256


def test_a_replaced_file_that_kills_the_process_is_said_at_each_start_until_it_did_its_work(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__trial_frames=2)
    stored["two"].path.replace(bundle)
    assert here.change(replacement).error is None
    for _ in range(2):
        crash(here)
        here = bench(model__trial_frames=2)
        assert here.model_id == stored["two"].sha256
        (note,) = here.notes
        assert note.startswith(f"{bundle}: the process ended while this was on trial, and nothing else")
    for _ in range(2):
        here.show()
    here.tend_until(lambda: read_choice(here.file)[0].last_good is None)
    crash(here)
    assert bench().notes == []


def test_where_it_cannot_be_had_any_more_the_settings_decide_and_it_is_said(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(model__trial_frames=0), stored["two"]
    first = here.model_id
    here.change(activation(two.name, two.sha256))
    kept = here.file.read_bytes()
    two.path.write_bytes(stored["one"].path.read_bytes())
    there = bench()
    assert there.model_id == first
    assert "and not the one that was expected" in there.notes[0]
    here.file.write_bytes(kept)
    two.path.unlink()
    assert "no such bundle" in bench().notes[0]
    here.file.write_bytes(b"{")
    assert "cannot be read" in bench().notes[0]


def test_settings_that_name_another_bundle_by_now_come_before_what_was_activated(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(), stored["one"], stored["two"]
    here.change(activation(two.name, two.sha256))
    here = bench(model__path=one.path)
    assert (here.model_id, here.notes) == (one.sha256, [])
    here = bench()
    assert here.model_id == two.sha256, "as long as they say so"
    read = load_settings(None, {"model.path": str(one.path)})
    here.change(reloading(lambda: read))
    assert here.model_id == one.sha256
    here.tend_until(lambda: read_choice(here.file)[0].bundles == {})


def test_a_bundle_of_the_settings_that_cannot_be_had_stops_the_start(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=r"absent\.tflite"):
        bench(model__path=tmp_path / "absent.tflite")
    with pytest.raises(BundleError, match=r"shadow\.bundle: .*absent\.tflite"):
        bench(shadow__bundle=tmp_path / "absent.tflite")


def test_a_file_that_is_replaced_is_taken_once_it_is_whole(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__watch_s=0.02)
    first, data = here.model_id, stored["two"].path.read_bytes()
    copy = bundle.with_suffix(".copying")
    copy.write_bytes(data[: len(data) // 2])
    copy.replace(bundle)
    here.tend_until(lambda: bool(here.alarms))
    assert here.model_id == first
    copy.write_bytes(data)
    copy.replace(bundle)
    here.tend_until(lambda: here.model_id == stored["two"].sha256)
    assert here.alarms[1:] == [None]


def test_a_replaced_file_that_was_activated_decides_after_a_restart_too(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(model__watch_s=0.02), stored["one"], stored["two"]
    here.change(activation(one.name, one.sha256))
    two.path.replace(one.path)
    here.tend_until(lambda: here.model_id == two.sha256)
    assert bench().model_id == two.sha256


def test_a_replaced_file_that_was_rolled_back_is_not_taken_again_until_it_changes(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = bench(model__watch_s=0.02, model__trial_faults=1)
    first = here.model_id
    looks: list[Path] = []

    def look(path: Path) -> Look | None:
        looks.append(path)
        return look_at(path)

    monkeypatch.setattr("edge.changes.changer.look_at", look)
    stored["picky"].path.replace(bundle)
    here.tend_until(lambda: here.model_id == stored["picky"].sha256)
    here.show()
    assert here.model_id == first
    settings = here.served.settings
    assert here.change(reloading(lambda: settings)).error is None
    looks.clear()
    here.tend_until(lambda: len(looks) > 4)
    assert here.model_id == first
    stored["two"].path.replace(bundle)
    here.tend_until(lambda: here.model_id == stored["two"].sha256)


def test_a_roll_back_is_kept_though_the_station_ends_at_once(
    bench: Callable[..., Bench], stored: dict[str, Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, picky = bench(model__trial_faults=1), stored["picky"]
    first = here.model_id
    here.change(activation(picky.name, picky.sha256))
    begun, may_go_on = threading.Event(), threading.Event()

    def slow(served: Served) -> Prepared:
        begun.set()
        may_go_on.wait(20)
        return replacement(served)

    here.changer.ask(Change("another", slow))
    assert begun.wait(20)
    here.show()
    stopping = threading.Thread(target=here.changer.stop)
    stopping.start()
    here.tend_until(lambda: here.changer.ask(Change("late", slow)) == "the station is not running")
    may_go_on.set()
    stopping.join()
    assert read_choice(here.file)[0].bundles == {}
    assert bench().model_id == first


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
    first = here.model_id
    assert here.show().verdict == "ok"
    assert here.change(switch_to("can")).error is None
    assert (here.model_id, here.served.inspector.recipe) == (one.sha256, "can")
    assert here.show().verdict == "defect"
    here.change(activation(two.name, two.sha256))
    assert (here.model_id, here.show().verdict) == (two.sha256, "defect"), "for this recipe"
    here.change(switch_to("default"))
    assert here.model_id == first
    here.change(switch_to("can"))
    here = bench(recipes)
    assert (here.model_id, here.served.inspector.recipe) == (two.sha256, "can")
    here = bench()
    assert (here.model_id, here.notes) == (first, ["there is no recipe can any more; default is in service"])


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
    assert here.model_id == picky.sha256


def test_settings_read_again_change_what_can_change_and_name_the_rest(bench: Callable[..., Bench]) -> None:
    here = bench()
    model = here.served.inspector.model
    flags = {"model.path": here.served.settings.model.path, "recipe.ok_below": "0", "recipe.defect_from": "0"}
    read = load_settings(None, {**flags, "model.folder": "elsewhere", "camera.source": "1"})
    outcome = here.change(reloading(lambda: read))
    assert outcome == Outcome(note="needs a restart: camera.source")
    assert here.show().verdict == "defect"
    assert here.served.inspector.model is model, "not loaded again"
    assert (here.served.settings.model.folder, here.served.settings.camera.source) == (
        "elsewhere", "simulated"
    )  # fmt: skip


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
    inspector, settings = here.served.inspector, here.served.settings
    here.show()
    for read in (settings, with_gate(settings, pulse_ms=31.0)):
        assert here.change(reloading(lambda read=read: read)).error is None  # type: ignore[misc]
        assert here.served.inspector is inspector
    assert here.served.settings.gate.pulse_ms == 31
    here.show()
    here.show()
    here.tend_until(lambda: read_choice(here.file)[0].last_good is None)
    here.change(switch_to("can"))
    inspector = here.served.inspector
    elsewhere = load_settings(None, {"model.path": str(stored["picky"].path)})
    elsewhere = elsewhere.model_copy(update={"recipes": recipes})
    assert here.change(reloading(lambda: elsewhere)).error is None
    assert here.served.inspector is inspector, "of a recipe with a bundle of its own"


def test_the_alarm_of_settings_that_were_taken_back_ends_with_settings_that_work(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here = bench(model__trial_faults=1)
    settings = here.served.settings
    outside = settings.recipe.model_copy(update={"region": Region(x=100, y=0, width=50, height=50)})
    wrong = settings.model_copy(update={"recipe": outside})
    for mended in (settings, with_thresholds(settings, 0.3, 0.4)):
        here.alarms.clear()
        assert here.change(reloading(lambda: wrong)).error is None
        here.show()
        assert here.served.settings.recipe.region is None, "taken back"
        assert len(here.alarms) == 1
        assert "with the settings of before" in str(here.alarms[0])
        here.change(reloading(lambda mended=mended: mended))  # type: ignore[misc]
        assert here.alarms[1:] == [None]


def test_a_reload_does_not_end_the_alarm_of_a_file_that_is_not_what_decides(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__watch_s=0.02, model__trial_faults=1)
    settings, good = here.served.settings, bundle.read_bytes()
    stored["picky"].path.replace(bundle)
    here.tend_until(lambda: here.model_id == stored["picky"].sha256)
    here.show()
    assert len(here.alarms) == 1
    here.change(reloading(lambda: settings))
    assert len(here.alarms) == 1
    bundle.with_suffix(".last").write_bytes(good)
    bundle.with_suffix(".last").replace(bundle)
    here.tend_until(lambda: here.alarms[1:] == [None])


def test_settings_that_are_wrong_change_nothing_and_are_answered_with_why(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    here = bench({"can": NamedRecipe()})
    file = tmp_path / "config.toml"
    file.write_text("[gate]\npulse_ms = -1\n")
    assert "gate.pulse_ms" in str(here.change(reloading(lambda: load_settings(file, {}))).error)
    here.change(switch_to("can"))
    known = {"model.path": here.served.settings.model.path}
    gone = here.change(reloading(lambda: load_settings(None, known)))
    assert gone.error == "recipes.can: is in service; switch to another recipe before"
    absent = load_settings(None, {"model.path": "absent.tflite"})
    here.change(switch_to("default"))
    assert here.alarms == []
    assert "absent.tflite" in str(here.change(reloading(lambda: absent)).error)
    assert len(here.alarms) == 1
    with pytest.raises(SettingsError, match="no settings to read"):
        refuse_reload(here.served)


def test_a_reload_can_bring_a_bundle_and_a_shadow(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(), stored["one"], stored["two"]
    read = load_settings(None, {"model.path": str(one.path), "shadow.bundle": str(two.path)})
    assert here.change(reloading(lambda: read)).error is None
    assert here.model_id == one.sha256
    assert here.served.shadow is not None
    assert here.served.shadow.model.bundle.model_id == two.sha256


def test_a_reload_keeps_the_shadow_where_nothing_of_it_changed(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here = bench(shadow__bundle=stored["two"].path)
    shadow, settings = here.served.shadow, here.served.settings
    here.change(reloading(lambda: with_gate(settings, pulse_ms=31.0)))
    assert here.served.shadow is shadow is not None
    here.change(reloading(lambda: with_thresholds(settings, 0.3, 0.4)))
    assert here.served.shadow is not shadow
    assert here.served.shadow is not None
    assert (here.served.shadow.model, here.served.shadow.thresholds.ok_below) == (shadow.model, 0.3)


def test_a_choice_that_cannot_be_kept_is_said(
    bench: Callable[..., Bench], stored: dict[str, Stored], tmp_path: Path
) -> None:
    here, two = bench(), stored["two"]
    here.file.mkdir()
    outcome = here.change(activation(two.name, two.sha256))
    assert (outcome.error, here.model_id) == (None, two.sha256)
    assert "a restart will not know of this" in str(outcome.note)


def test_a_station_that_ends_leaves_what_is_not_done_undone(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    started = threading.Event()

    def prepare(served: Served) -> Prepared:
        started.set()
        return activation(two.name, two.sha256)(served)

    here.changer.ask(Change("activate", prepare))
    assert started.wait(20)
    here.changer.stop()
    assert here.changer.ask(Change("late", replacement)) == "the station is not running"
    assert read_choice(here.file)[0].bundles == {}


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_after_any_changes_what_decides_is_what_is_kept_and_alarms_come_in_pairs(
    seed: int, crashes: bool, bench: Callable[..., Bench], stored: dict[str, Stored], bundle: Path
) -> None:
    chance = random.Random(seed)
    recipes = {"can": NamedRecipe(bundle=str(stored["one"].path)), "jar": NamedRecipe()}
    here = bench(recipes, model__trial_frames=4, model__trial_faults=2)
    settings = here.served.settings

    def kept() -> Kept:
        return read_choice(here.file)[0]

    def read() -> Settings:
        pulse = chance.choice([20.0, 30.0])
        return settings.model_copy(
            update={"gate": settings.gate.model_copy(update={"pulse_ms": pulse, "travel_ms": 400.0})}
        )

    for _ in range(40):
        one = chance.choice(list(stored.values()))
        outcome = here.change(
            chance.choice(
                [
                    activation(one.name, chance.choice([one.sha256, one.sha256, "0" * 64])),
                    switch_to(chance.choice(["default", "can", "jar", "absent"])),
                    reloading(read),
                    replacement,
                ]
            )
        )
        assert outcome.error is None or "expected" in outcome.error or "no recipe" in outcome.error
        for _ in range(chance.randrange(4)):
            here.show()
        served = here.served
        assert served.inspector.recipe == served.choice.recipe
        assert served.inspector.model.bundle.model_id == read_bundle(served.path).model_id
    here.tend_until(lambda: Kept.of(here.served.choice, last_good=kept().last_good) == kept())
    assert all((text is None) == (number % 2 == 1) for number, text in enumerate(here.alarms))
    at_the_next_start = here.served
    if crashes:
        crash(here)
        at_the_next_start = here.changer._proven
    model_id = at_the_next_start.inspector.model.bundle.model_id
    assert bench(recipes).model_id == model_id
