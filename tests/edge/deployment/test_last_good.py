"""Bundles that end the process, and the one that did its work before."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.core import graph_trial
from edge.core.errors import BundleError
from edge.deployment import last_good
from edge.deployment.deployment import activation, replacement
from edge.deployment.last_good import LastGood
from tests.edge.deployment.bench import Bench
from tests.edge.deployment.bundles import Stored, store_deadly

Start = Callable[..., Bench]
FRAMES = 2


@pytest.fixture
def proven(bench: Start) -> Bench:
    """A changer whose bundle did its work."""
    here = bench(model__trial_frames=FRAMES)
    for _ in range(FRAMES):
        here.show()
    here.poll_until(lambda: known(here).knows("default", here.bundle_sha256))
    return here


def known(here: Bench) -> LastGood:
    return LastGood.beside(here.file)


def test_a_bundle_that_ends_its_process_is_refused_by_name_when_activated_and_nothing_else_changes(
    proven: Bench, tmp_path: Path
) -> None:
    deadly, before = store_deadly(tmp_path / "bundles" / "deadly.tflite"), proven.bundle_sha256
    outcome = proven.change(activation(deadly.name, deadly.sha256))
    assert outcome.error is not None
    assert "deadly.tflite: its graph ends the process that runs it (SIG" in outcome.error
    assert proven.bundle_sha256 == before
    assert any("deadly.tflite" in (alarm or "") for alarm in proven.alarms)


def test_a_file_that_was_replaced_by_a_deadly_one_is_not_taken_and_the_next_start_goes_back(
    proven: Bench, bench: Start, bundle: Path
) -> None:
    before = proven.bundle_sha256
    store_deadly(bundle)
    outcome = proven.change(replacement)
    assert "(SIG" in (outcome.error or "")
    assert proven.bundle_sha256 == before
    proven.crash()
    again = bench(model__trial_frames=FRAMES)
    assert again.bundle_sha256 == before
    (note,) = again.notes
    assert note.startswith(f"{bundle}: its graph ends the process that runs it (SIG")
    assert note.endswith("; the bundle that last did its work in its place decides")
    assert again.show().verdict == "ok"


def test_a_spoiled_file_that_nothing_did_its_work_before_stops_the_start(bench: Start, bundle: Path) -> None:
    store_deadly(bundle)
    with pytest.raises(BundleError, match="its graph ends the process"):
        bench()


def test_another_path_in_the_settings_is_no_replaced_file(
    proven: Bench, bench: Start, tmp_path: Path
) -> None:
    deadly = store_deadly(tmp_path / "other.tflite")
    proven.manager.stop()
    with pytest.raises(BundleError, match=r"other\.tflite: its graph ends the process"):
        bench(model__path=str(deadly.path))


def test_a_bundle_that_ends_the_process_twice_at_its_first_frames_gives_way_to_the_last_good(
    proven: Bench, bench: Start, bundle: Path, stored: dict[str, Stored]
) -> None:
    before = proven.bundle_sha256
    shutil.copy(stored["two"].path, bundle)
    proven.crash()
    for _ in range(2):
        here = bench(model__trial_frames=FRAMES)
        assert (here.bundle_sha256, here.notes) == (stored["two"].sha256, []), "once may be a power cut"
        here.crash()
    for _ in range(2):
        here = bench(model__trial_frames=FRAMES)
        assert here.bundle_sha256 == before
        (note,) = here.notes
        assert note.startswith(f"{bundle}: failed at its first frames, or ended the process twice; ")
        here.crash()


def test_a_bundle_that_was_refused_may_be_activated_and_is_good_when_it_did_its_work(
    proven: Bench, bench: Start, bundle: Path, stored: dict[str, Stored]
) -> None:
    two, record = stored["two"], known(proven)
    record.begin(two.sha256)
    record.refuse()
    proven.manager.stop()
    here = bench(model__trial_frames=FRAMES)
    assert known(here).has_failed(two.sha256)
    here.change(activation(two.name, two.sha256))
    for _ in range(FRAMES):
        here.show()
    here.poll_until(lambda: known(here).knows("default", two.sha256))
    assert not known(here).has_failed(two.sha256)
    here = bench(model__trial_frames=FRAMES)
    assert (here.bundle_sha256, here.notes) == (two.sha256, [])


def test_an_end_in_order_is_no_fault_of_the_bundle(bench: Start) -> None:
    for _ in range(4):
        here = bench(model__trial_frames=FRAMES)
        assert here.notes == []
        here.manager.stop()
        assert not known(here).has_failed(here.bundle_sha256)


def test_what_did_its_work_here_is_not_run_in_another_process_at_the_next_start(
    proven: Bench, bench: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_trial, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    assert bench().bundle_sha256 == proven.bundle_sha256
    monkeypatch.setattr(last_good, "this_device", lambda: "another runtime")
    with pytest.raises(BundleError, match="exit status 1"):
        bench()


def test_after_another_runtime_was_installed_it_proves_itself_anew(
    proven: Bench, bench: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "this_device", lambda: "another runtime")
    here = bench(model__trial_frames=FRAMES)
    assert not known(here).knows("default", proven.bundle_sha256)
    for _ in range(FRAMES):
        here.show()
    here.poll_until(lambda: known(here).knows("default", proven.bundle_sha256))
    assert known(here).proven == {proven.bundle_sha256}


def test_what_ends_the_process_in_another_runtime_gives_way_to_nothing_where_it_is_all_there_is(
    proven: Bench, bench: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "this_device", lambda: "another runtime")
    for _ in range(2):
        here = bench(model__trial_frames=FRAMES)
        here.crash()
    here = bench(model__trial_frames=FRAMES)
    assert here.bundle_sha256 == proven.bundle_sha256
    assert here.notes[0].endswith("and no other did its work before: it decides again")


@pytest.mark.parametrize("content", [b"", b"{", b'{"good": 7}', b"\xff" * 200_000])
def test_a_damaged_record_knows_nothing_and_stops_nothing(
    proven: Bench, bench: Start, content: bytes
) -> None:
    proven.manager.stop()
    (proven.file.parent / "journal.sqlite.good" / "record.json").write_bytes(content)
    assert bench().bundle_sha256 == proven.bundle_sha256


def test_the_copy_is_refused_like_any_bundle_where_its_bytes_are_not_the_known_ones(
    proven: Bench, bench: Start, bundle: Path, stored: dict[str, Stored]
) -> None:
    (copy,) = (proven.file.parent / "journal.sqlite.good").glob("*.tflite")
    proven.manager.stop()
    shutil.copy(stored["two"].path, copy)
    store_deadly(bundle)
    with pytest.raises(BundleError, match="its graph ends the process"):
        bench()


def test_the_copy_needs_a_trusted_signature_like_any_bundle(
    proven: Bench, bench: Start, bundle: Path
) -> None:
    proven.manager.stop()
    store_deadly(bundle)
    with pytest.raises(BundleError, match="is not signed"):
        bench(model__trusted_keys='["' + "0" * 64 + '"]')


def test_one_copy_of_each_recipe_is_kept(proven: Bench, stored: dict[str, Stored]) -> None:
    two = stored["two"]
    proven.change(activation(two.name, two.sha256))
    for _ in range(FRAMES):
        proven.show()
    folder = proven.file.parent / "journal.sqlite.good"
    proven.poll_until(lambda: [path.stem for path in folder.glob("*.tflite")] == [two.sha256])
    assert known(proven).knows("default", two.sha256)
