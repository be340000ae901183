"""The deployment changes beside the line, and only when the line takes it."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.bundle.bundle import read_bundle
from edge.deployment.deployment import (
    Deployment,
    Prepared,
    activation,
    reloading,
    replacement,
    switch_to,
)
from edge.deployment.manager import Change, Outcome
from edge.deployment.selection import PersistedSelection, read_selection
from edge.settings.recipe import NamedRecipe
from edge.settings.settings import Settings
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored, store


def test_a_bundle_of_the_folder_decides_from_when_the_line_takes_it(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    before = here.deployment
    outcomes: list[Outcome] = []
    here.manager.ask(Change("activate", activation(two.name, two.sha256), outcomes.append))
    here.poll_until(lambda: bool(here.taken))
    assert here.taken == [here.deployment]
    assert (here.bundle_sha256, before.inspector.model.bundle.sha256 != two.sha256) == (
        two.sha256,
        True,
    )
    here.poll_until(lambda: bool(outcomes))
    assert outcomes == [Outcome()]


def test_until_the_line_takes_it_nothing_is_answered_and_a_second_change_is_busy(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    outcomes: list[Outcome] = []
    ready = threading.Event()

    def prepare(deployment: Deployment) -> Prepared:
        prepared = activation(two.name, two.sha256)(deployment)
        ready.set()
        return prepared

    here.manager.ask(Change("activate", prepare, outcomes.append))
    assert ready.wait(20)
    busy = here.manager.ask(Change("again", activation(two.name, two.sha256), outcomes.append))
    assert busy is not None
    assert busy.startswith("busy")
    assert (outcomes, here.taken) == ([], [])
    here.poll_until(lambda: bool(outcomes))
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
    outcome = here.change(activation(name, here.bundle_sha256))
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

    def prepare(_deployment: Deployment) -> Prepared:
        raise ZeroDivisionError("no")

    assert here.change(prepare).error == "ZeroDivisionError: no"
    assert here.taken == []
    assert here.manager.ask(Change("next", prepare)) is None, "it is not busy any more"


def test_a_bundle_that_fails_at_its_first_parts_is_rolled_back(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_frames=10, model__trial_faults=2), stored["one"], stored["picky"]
    here.change(activation(one.name, one.sha256))
    for _ in range(10):
        here.show()
    here.change(activation(picky.name, picky.sha256))
    assert here.show().verdict == "fault"
    assert here.bundle_sha256 == picky.sha256, "one fault may be"
    here.show()
    assert here.bundle_sha256 == one.sha256
    assert here.alarms == [
        f"{picky.path}: 2 of its first 2 frames were faults; {one.path} is back in service"
    ]
    here.poll_until(lambda: read_selection(here.file)[0].bundles["default"].name == one.name)
    assert here.show().verdict == "ok"


def test_without_one_proven_by_its_first_parts_the_settings_bundle_comes_back(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_faults=1), stored["one"], stored["picky"]
    first = here.bundle_sha256
    here.change(activation(one.name, one.sha256))
    here.change(activation(picky.name, picky.sha256))
    here.show()
    assert here.bundle_sha256 == first
    here.poll_until(lambda: read_selection(here.file)[0].bundles == {})


def test_faults_of_the_camera_and_those_that_the_last_bundle_has_too_do_not_count(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, picky = bench(model__trial_faults=1), stored["one"], stored["picky"]
    here.change(activation(one.name, one.sha256))
    for _ in range(5):
        assert here.show(spoilt="camera: black").verdict == "fault"
    assert here.bundle_sha256 == one.sha256
    here = bench(model__trial_faults=1, model__path=picky.path)
    again = store(picky.path.parent, "again.tflite", size=40, wants_a_part=True)
    here.change(activation(again.name, again.sha256))
    for _ in range(5):
        assert here.show().verdict == "fault"
    assert here.bundle_sha256 == again.sha256


def test_frames_that_the_camera_spoilt_prove_nothing(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, picky = bench(model__trial_frames=3, model__trial_faults=1), stored["picky"]
    first = here.bundle_sha256
    here.change(activation(picky.name, picky.sha256))
    for _ in range(5):
        here.show(spoilt="camera: black")
    here.show()
    assert here.bundle_sha256 == first, "it was still on trial"


def test_verdicts_that_come_too_late_count(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, one = bench(model__trial_faults=2), stored["one"]
    first = here.bundle_sha256
    here.change(activation(one.name, one.sha256))
    for _ in range(2):
        here.manager.judge_late(here.deployment.inspector)
    assert here.bundle_sha256 == first


def test_after_its_trial_a_bundle_stays(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, one = bench(model__trial_frames=3, model__trial_faults=1), stored["one"]
    here.change(activation(one.name, one.sha256))
    for _ in range(3):
        here.show()
    for _ in range(5):
        here.manager.judge_late(here.deployment.inspector)
    assert here.bundle_sha256 == one.sha256


def test_a_change_prepared_from_what_was_rolled_back_meanwhile_is_prepared_again(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, picky = bench(model__trial_faults=1), stored["picky"]
    first = here.bundle_sha256
    here.change(activation(picky.name, picky.sha256))
    bases: list[Deployment] = []
    ready = threading.Event()

    def prepare(deployment: Deployment) -> Prepared:
        bases.append(deployment)
        ready.set()
        return reloading(lambda: deployment.settings)(deployment)

    outcomes: list[Outcome] = []
    here.manager.ask(Change("reload", prepare, outcomes.append))
    assert ready.wait(20)
    here.show()
    here.poll_until(lambda: bool(outcomes))
    assert [base.inspector.model.bundle.sha256 for base in bases] == [picky.sha256, first]
    assert here.bundle_sha256 == first


def test_a_station_that_ends_leaves_what_is_not_done_undone(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    started = threading.Event()

    def prepare(deployment: Deployment) -> Prepared:
        started.set()
        return activation(two.name, two.sha256)(deployment)

    here.manager.ask(Change("activate", prepare))
    assert started.wait(20)
    here.manager.stop()
    assert here.manager.ask(Change("late", replacement)) == "the station is not running"
    assert read_selection(here.file)[0].bundles == {}


@pytest.mark.parametrize("crashes", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_after_any_changes_what_decides_is_what_is_kept_and_alarms_come_in_pairs(
    seed: int, crashes: bool, bench: Callable[..., Bench], stored: dict[str, Stored], bundle: Path
) -> None:
    chance = random.Random(seed)
    recipes = {"can": NamedRecipe(bundle=str(stored["one"].path)), "jar": NamedRecipe()}
    here = bench(recipes, model__trial_frames=4, model__trial_faults=2)
    settings = here.deployment.settings

    def persisted() -> PersistedSelection:
        return read_selection(here.file)[0]

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
        deployment = here.deployment
        assert deployment.inspector.recipe == deployment.selection.recipe
        assert deployment.inspector.model.bundle.sha256 == read_bundle(deployment.path).sha256
    here.poll_until(
        lambda: (
            PersistedSelection.of(here.deployment.selection, last_good=persisted().last_good) == persisted()
        )
    )
    assert all((text is None) == (number % 2 == 1) for number, text in enumerate(here.alarms))
    at_the_next_start = here.deployment
    if crashes:
        here.crash()
        at_the_next_start = here.manager.proven
    bundle_sha256 = at_the_next_start.inspector.model.bundle.sha256
    assert bench(recipes).bundle_sha256 == bundle_sha256
