"""The chosen bundle decides after a restart, unless it ended the process."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core.errors import BundleError
from edge.deployment.deployment import (
    activation,
    reloading,
    replacement,
)
from edge.deployment.manager import Change
from edge.deployment.selection import Selection, read_selection
from edge.settings.load_settings import load_settings
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored


def test_what_was_activated_decides_after_a_restart(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    here.change(activation(two.name, two.sha256))
    here = bench()
    assert (here.bundle_sha256, here.notes) == (two.sha256, [])


def test_a_bundle_that_kills_the_process_in_its_trial_does_not_decide_again(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, one, two = bench(model__trial_frames=3), stored["one"], stored["two"]
    here.change(activation(one.name, one.sha256))
    for _ in range(3):
        here.show()
    here.change(activation(two.name, two.sha256))
    here.show()
    here.crash()
    here = bench(model__trial_frames=3)
    assert here.bundle_sha256 == one.sha256
    assert here.notes == [
        f"{two.path}: the process ended while this was on trial; {one.path} is back in service"
    ]
    here.poll_until(lambda: read_selection(here.file)[0].last_good is None)
    assert read_selection(here.file)[0].bundles["default"].name == one.name
    here.crash()
    again = bench(model__trial_frames=3)
    assert (again.bundle_sha256, again.notes) == (one.sha256, []), "said once"


def test_that_it_is_on_trial_is_on_the_disk_before_it_decides(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(), stored["two"]
    first = here.bundle_sha256
    here.manager.ask(Change("activate", activation(two.name, two.sha256)))
    deadline = time.monotonic() + 20
    while not here.file.exists():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.005)
    assert here.taken == [], "the line has not taken it"
    persisted = read_selection(here.file)[0]
    assert (persisted.bundles["default"].sha256, persisted.last_good) == (two.sha256, Selection())
    here.crash()
    assert bench().bundle_sha256 == first


def test_what_was_tried_to_its_end_decides_after_a_crash(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(model__trial_frames=2), stored["two"]
    here.change(activation(two.name, two.sha256))
    for _ in range(2):
        here.show()
    here.poll_until(lambda: read_selection(here.file)[0].last_good is None)
    here.crash()
    here = bench(model__trial_frames=2)
    assert (here.bundle_sha256, here.notes) == (two.sha256, [])


def test_without_a_trial_there_is_no_mark(bench: Callable[..., Bench], stored: dict[str, Stored]) -> None:
    here, two = bench(model__trial_frames=0), stored["two"]
    here.change(activation(two.name, two.sha256))
    here.crash()
    assert bench(model__trial_frames=0).bundle_sha256 == two.sha256


def test_a_replaced_file_that_kills_the_process_is_said_at_each_start_until_it_did_its_work(
    bench: Callable[..., Bench], bundle: Path, stored: dict[str, Stored]
) -> None:
    here = bench(model__trial_frames=2)
    stored["two"].path.replace(bundle)
    assert here.change(replacement).error is None
    for said in (
        "the process ended while this was on trial, and nothing else",
        "failed at its first frames, or",
    ):
        here.crash()
        here = bench(model__trial_frames=2)
        assert here.bundle_sha256 == stored["two"].sha256
        (note,) = here.notes
        assert note.startswith(f"{bundle}: {said}")
    for _ in range(2):
        here.show()
    here.poll_until(lambda: read_selection(here.file)[0].last_good is None)
    here.crash()
    assert bench().notes == []


def test_where_it_cannot_be_had_any_more_the_settings_decide_and_it_is_said(
    bench: Callable[..., Bench], stored: dict[str, Stored]
) -> None:
    here, two = bench(model__trial_frames=0), stored["two"]
    first = here.bundle_sha256
    here.change(activation(two.name, two.sha256))
    persisted = here.file.read_bytes()
    two.path.write_bytes(stored["one"].path.read_bytes())
    there = bench()
    assert there.bundle_sha256 == first
    assert "and not the one that was expected" in there.notes[0]
    here.file.write_bytes(persisted)
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
    assert (here.bundle_sha256, here.notes) == (one.sha256, [])
    here = bench()
    assert here.bundle_sha256 == two.sha256, "as long as they say so"
    read = load_settings(None, {"model.path": str(one.path)})
    here.change(reloading(lambda: read))
    assert here.bundle_sha256 == one.sha256
    here.poll_until(lambda: read_selection(here.file)[0].bundles == {})


def test_a_bundle_of_the_settings_that_cannot_be_had_stops_the_start(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match=r"absent\.tflite"):
        bench(model__path=tmp_path / "absent.tflite")
    with pytest.raises(BundleError, match=r"shadow\.bundle: .*absent\.tflite"):
        bench(shadow__bundle=tmp_path / "absent.tflite")


def test_a_choice_that_cannot_be_kept_is_said(
    bench: Callable[..., Bench], stored: dict[str, Stored], tmp_path: Path
) -> None:
    here, two = bench(), stored["two"]
    here.file.mkdir()
    outcome = here.change(activation(two.name, two.sha256))
    assert (outcome.error, here.bundle_sha256) == (None, two.sha256)
    assert "a restart will not know of this" in str(outcome.note)
