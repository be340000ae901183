"""The archive keeps the images that matter, within its quota, and troubles nobody."""

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.core.decision import Verdict
from edge.core.images import Image, read_image
from edge.core.photographs.layouts import read_photographs
from edge.core.photographs.listing import HEATMAPS
from edge.core.preprocess import InputSpec
from edge.inspection.heat import Heatmap
from edge.records.archive import Archive, find_archived, is_chosen
from edge.records.result import PartResult
from edge.settings.archive import ArchiveSettings
from testing.waiting import wait_for
from tests.conftest import MEMORY

NOISE = np.random.default_rng(1).integers(0, 255, (64, 64), np.uint8)
Make = Callable[..., Archive]
Said = list[tuple[str, bool]]


def verdict(number: int, kind: str = "defect", *, identity: str | None = None) -> PartResult:
    return PartResult.model_validate(
        {
            "station": "a", "id": identity or f"run-{number}", "part": "../../etc/passwd",
            "sequence": number, "captured_at": datetime.now(UTC), "verdict": kind, "action": "reject",
            "bundle_sha256": "0" * 64,
        }
    )  # fmt: skip


def images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg"))


def finish(archive: Archive) -> None:
    """Let it write everything, however slow the disk is."""
    archive.stop(wait_s=60)


@pytest.fixture
def folder(memory_path: Path) -> Path:
    return memory_path / "archive"


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def archive(folder: Path, said: Said) -> Iterator[Make]:
    made: list[Archive] = []

    def make(where: Path = folder, **values: object) -> Archive:
        wanted = ArchiveSettings.model_validate({"path": str(where), "min_free_mb": 0, **values})
        made.append(Archive(wanted, alarm=lambda name, text: said.append((name, text is not None))))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.stop()


def test_rejects_unsure_and_faults_are_kept_with_their_message_and_every_pixel(
    archive: Make, folder: Path
) -> None:
    running = archive(ok_share=0.0)
    for number, kind in enumerate(("ok", "defect", "unsure", "fault")):
        running.offer(verdict(number, kind), NOISE)
    finish(running)
    files = images(folder)
    assert sorted(file.parent.name for file in files) == ["defect", "fault", "unsure"]
    for file in files:
        np.testing.assert_array_equal(read_image(file), NOISE)
        message = json.loads(file.with_suffix(".json").read_text())
        assert message["verdict"] == file.parent.name
        assert file.stem.endswith(message["id"])
    assert running.statistics.written == 3


def test_of_ok_the_same_share_is_kept_whenever_it_is_asked(archive: Make, folder: Path) -> None:
    chosen = {f"run-{n}" for n in range(1000) if is_chosen(f"run-{n}", 0.1)}
    assert 70 < len(chosen) < 130
    running = archive(ok_share=0.1)
    for number in range(1000):
        running.offer(verdict(number, "ok"), NOISE)
    finish(running)
    assert {file.stem.partition("Z-")[2] for file in images(folder)} == chosen
    assert all(is_chosen(f"run-{n}", 1.0) and not is_chosen(f"run-{n}", 0.0) for n in range(100))


def test_a_part_without_a_picture_leaves_none(archive: Make, folder: Path) -> None:
    running = archive()
    running.offer(verdict(1, "fault"), np.zeros((1, 1), np.uint8))
    finish(running)
    assert (images(folder), running.statistics.dropped) == ([], 0)


@pytest.mark.parametrize("identity", ["../../run-1", "run-1/../..", "RUN 1", "x" * 40 + "-1"])
def test_an_id_that_is_none_of_ours_names_no_file(archive: Make, folder: Path, identity: str) -> None:
    running = archive()
    running.offer(verdict(1, identity=identity), NOISE)
    finish(running)
    assert list(folder.parent.rglob("*.json")) == []
    assert running.statistics.dropped == 1


def test_a_colour_image_comes_back_in_its_colours(archive: Make, folder: Path) -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0] = 250
    running = archive(format="jpeg")
    running.offer(verdict(1), image)
    finish(running)
    (file,) = images(folder)
    assert file.suffix == ".jpg"
    assert read_image(file)[16, 16].tolist() == pytest.approx([250, 0, 0], abs=6)


def test_the_quota_holds_over_restarts_and_ok_goes_first(archive: Make, folder: Path) -> None:
    large = np.random.default_rng(2).integers(0, 255, (500, 400), np.uint8)
    for run in range(3):
        running = archive(max_mb=1, ok_share=1.0)
        for number in range(2):
            running.offer(verdict(number, identity=f"r{run}-{number}"), large)
            running.offer(verdict(number + 100, "ok", identity=f"r{run}-{number + 100}"), large)
        finish(running)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert size == running.statistics.bytes <= 10**6
    assert [file.stem.partition("Z-")[2] for file in images(folder) if file.parent.name == "ok"] == []
    assert len(images(folder)) == 4


def test_what_is_too_old_goes_and_what_is_not_the_archives_stays(
    archive: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.archive.clock_is_synchronised", lambda: True)
    running = archive(max_days=1)
    running.offer(verdict(1), NOISE)
    finish(running)
    day = folder / (datetime.now(UTC) - timedelta(days=9)).strftime("%Y%m%d")
    images(folder)[0].parents[1].rename(day)
    for file in list((day / "defect").iterdir()):
        file.rename(file.with_name(f"{day.name}T120000000Z-run-1{file.suffix}"))
    (folder / "notes.txt").write_text("mine")
    (folder / "20200101").mkdir()
    (folder / "20200101" / "holiday.png").write_bytes(b"mine")
    second = archive(max_days=1)
    second.offer(verdict(2), NOISE)
    finish(second)
    assert not day.exists()
    assert [file.stem.partition("Z-")[2] for file in images(folder)][-1] == "run-2"
    assert (folder / "notes.txt").exists()
    assert (folder / "20200101" / "holiday.png").exists()


def test_what_a_power_cut_left_half_written_is_cleared_away(archive: Make, folder: Path) -> None:
    running = archive()
    running.offer(verdict(1), NOISE)
    finish(running)
    (whole,) = images(folder)
    half = whole.with_name(f".{whole.name}.part")
    half.write_bytes(b"half")
    alone = whole.with_name(whole.name.replace("run-1", "run-2")).with_suffix(".json")
    alone.write_text("{}")
    second = archive()
    second.offer(verdict(3), NOISE)
    finish(second)
    assert not half.exists()
    assert not alone.exists()
    assert len(images(folder)) == 2


def test_a_disk_that_stalls_holds_up_nobody_and_what_has_no_room_is_counted_and_said(
    archive: Make, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    sync = os.fsync
    monkeypatch.setattr("edge.core.files.os.fsync", lambda handle: (goes_on.wait(60), sync(handle)))
    running = archive(queue_mb=1)
    image = np.zeros((500, 1000), np.uint8)
    running.offer(verdict(0), image)
    wait_for(lambda: running.queued == 0)
    for number in range(1, 6):
        running.offer(verdict(number), image)
    assert running.statistics.dropped == 3
    assert said == [("archive-slow", True)]
    goes_on.set()
    wait_for(lambda: said == [("archive-slow", True), ("archive-slow", False)])
    assert running.statistics.written == 3


def test_a_folder_that_cannot_be_written_is_one_alarm_and_the_archive_comes_back(
    archive: Make, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.archive.RETRY_S", 0.05)
    folder.write_text("in the way")
    running = archive()
    for number in range(3):
        running.offer(verdict(number), NOISE)
    wait_for(lambda: said == [("archive", True)])
    folder.unlink()
    time.sleep(0.06)
    running.offer(verdict(4), NOISE)
    wait_for(lambda: said == [("archive", True), ("archive", False)])
    wait_for(lambda: running.statistics.dropped == 3)
    assert len(images(folder)) == 1


def test_with_less_free_than_is_to_stay_free_nothing_is_written(
    archive: Make, folder: Path, said: Said
) -> None:
    running = archive(min_free_mb=10**9)
    running.offer(verdict(1), NOISE)
    wait_for(lambda: said == [("archive", True)])
    assert images(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_leaves_no_half_image(
    archive: Make, folder: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.records.archive.RETRY_S", 0.05)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "linegate-test", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no mounts are allowed here")
    try:
        running = archive()
        image = np.random.default_rng(3).integers(0, 255, (500, 500), np.uint8)
        for number in range(8):
            running.offer(verdict(number), image)
        wait_for(lambda: said == [("archive", True)])
        kept = images(folder)
        assert 0 < len(kept) < 8
        for file in kept:
            np.testing.assert_array_equal(read_image(file), image)
            assert file.with_suffix(".json").exists()
        assert not list(folder.rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=20m", str(folder)], check=True)
        time.sleep(0.06)
        running.offer(verdict(9), image)
        wait_for(lambda: said == [("archive", True), ("archive", False)])
        finish(running)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class ArchiveMachine(RuleBasedStateMachine):
    """Whatever comes in whatever order: what lies there is whole, known, and within the quota."""

    def __init__(self) -> None:
        super().__init__()
        self.room = tempfile.TemporaryDirectory(dir=MEMORY)
        self.folder = Path(self.room.name) / "archive"
        self.number = 0
        self.alarms: list[str | None] = []
        self.archive = self.opened()

    def opened(self) -> Archive:
        values = ArchiveSettings(path=str(self.folder), max_mb=1, min_free_mb=0, ok_share=0.5)
        archive = Archive(values, alarm=lambda _name, text: self.alarms.append(text))
        archive.scan()
        return archive

    @rule(kind=st.sampled_from(["ok", "defect", "unsure", "fault"]), side=st.integers(100, 700))
    def put(self, kind: str, side: int) -> None:
        self.number += 1
        image: Image = np.random.default_rng(side).integers(0, 255, (side, side), np.uint8)
        self.archive.offer(verdict(self.number, kind), image)
        while self.archive.queued:
            assert self.archive.write_next()
        assert self.alarms == []

    @rule()
    def restart(self) -> None:
        self.archive = self.opened()

    @precondition(lambda self: bool(images(self.folder)))
    @rule(which=st.integers(0, 10**6))
    def somebody_deletes_an_image(self, which: int) -> None:
        found = images(self.folder)
        found[which % len(found)].unlink()
        self.archive = self.opened()

    @invariant()
    def it_knows_what_lies_there_and_that_is_within_its_quota(self) -> None:
        size = sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())
        assert size == self.archive.statistics.bytes <= 10**6
        for file in images(self.folder):
            assert file.with_suffix(".json").exists()

    def teardown(self) -> None:
        self.room.cleanup()


TestArchiveMachine = ArchiveMachine.TestCase
TestArchiveMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


def test_a_link_among_the_folders_leads_nothing_out_of_the_archive(
    archive: Make, folder: Path, said: Said
) -> None:
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir()
    for day in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)):  # midnight may come
        (folder / day.strftime("%Y%m%d")).symlink_to(elsewhere)
    running = archive()
    running.offer(verdict(1), NOISE)
    wait_for(lambda: said == [("archive", True)])
    finish(running)
    assert list(elsewhere.iterdir()) == []


HEATMAP = Heatmap(np.eye(8, dtype=np.float32) * 9, InputSpec(width=64, height=64, channels=1))


def test_a_heatmap_is_kept_beside_its_picture_and_goes_with_it(
    archive: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = archive()
    running.offer(verdict(1), NOISE, HEATMAP)
    running.offer(verdict(2), NOISE)
    finish(running)
    heat = next(folder.rglob("*-run-1.heat.png"))
    assert read_image(heat).max() == 255
    assert len([*folder.rglob("*.heat.png")]) == 1
    read = read_photographs(folder)
    assert [stray.is_archived for stray in read.strays] == [True, True]
    assert [one.file for one in read.left_out if one.reason == HEATMAPS] == [str(heat.relative_to(folder))]
    assert running.statistics.bytes == sum(file.stat().st_size for file in folder.rglob("*.*"))
    again = archive(max_days=1)
    again.scan()
    assert again.statistics.bytes == running.statistics.bytes
    in_two_days = time.time() + 2 * 86400
    monkeypatch.setattr("edge.records.archive.time.time", lambda: in_two_days)
    monkeypatch.setattr("edge.records.archive.clock_is_synchronised", lambda: True)
    again.offer(verdict(3), NOISE)
    finish(again)
    assert {file.name.split(".")[0].split("-")[-1] for file in folder.rglob("*.*")} == {"3"}


def test_what_is_kept_is_found_by_its_id_and_nothing_else_is(archive: Make, folder: Path) -> None:
    running = archive(format="jpeg")
    running.offer(verdict(1), NOISE, HEATMAP)
    running.offer(verdict(11), NOISE)
    finish(running)
    now = time.time()
    kept = find_archived(folder, "run-1", Verdict.DEFECT, now)
    assert kept is not None
    assert kept.picture.name.endswith("-run-1.jpg")
    assert kept.heat is not None
    assert kept.heat.is_file()
    other = find_archived(folder, "run-11", Verdict.DEFECT, now - 86400)  # written after midnight
    assert other is not None
    assert other.heat is None
    assert find_archived(folder, "run-1", Verdict.OK, now) is None
    assert find_archived(folder, "run-1", Verdict.DEFECT, now - 5 * 86400) is None
    assert find_archived(folder / "absent", "run-1", Verdict.DEFECT, now) is None


@pytest.mark.parametrize(
    "identity", ["*", "../../etc/passwd", "run-*", "run-1/../run-1", "", "run-1\0", "RUN-1"]
)
def test_an_id_that_is_none_of_ours_finds_nothing(archive: Make, folder: Path, identity: str) -> None:
    running = archive()
    running.offer(verdict(1), NOISE)
    finish(running)
    assert find_archived(folder, identity, Verdict.DEFECT, time.time()) is None
