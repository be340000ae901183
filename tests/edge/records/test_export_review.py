"""`edge --export-review`: reviewed parts as a data set whose test parts are the same ones for ever."""

import csv
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.core.photographs.layouts import read_layout
from edge.records.export_review import NO_FOLDER, NO_PICTURE, NO_RECORD, NO_TRUTH, TEST_SHARE, is_for_test
from edge.records.reviews import CANT_TELL, WITHDRAWN, Review, add_review, reviews_beside
from edge.settings.settings import Settings
from tests.edge.page.leftovers import leave

REVIEWED = (3, 9, 13, 19, 23, 29, 33, 39, 43, 49, 53, 59)
"""Defects, by the model."""


def label_of(number: int) -> str:
    return "ok" if number % 4 == 1 else "dent"


def split_of(number: int) -> str:
    return "test" if is_for_test(f"P-{number}") else "train"


@pytest.fixture
def left(tmp_path: Path) -> Settings:
    """Sixty inspections, with pictures of those that were rejected."""
    (tmp_path / "line").mkdir()
    return leave(tmp_path / "line", 60)


def tell(settings: Settings, identity: str, label: str) -> None:
    path = reviews_beside(Path(settings.journal.path))
    add_review(path, Review(identity, label, "ann", 1.0, 0.5, "rejected"))


def export(settings: Settings, out: Path) -> int:
    flags = ["--journal.path", settings.journal.path, "--archive.path", settings.archive.path]
    return main([*flags, "--export-review", str(out)])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text))


def test_reviewed_parts_lie_in_folders_of_their_labels_as_the_trainer_takes_them(
    left: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in REVIEWED:
        tell(left, f"run-{number}", label_of(number))
    out = tmp_path / "reviewed"
    assert export(left, out) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert files == {f"{split_of(number)}/{label_of(number)}/run-{number}.png" for number in REVIEWED}
    assert {row["file"] for row in rows(out / "reviews.csv")} == files
    assert {row["who"] for row in rows(out / "reviews.csv")} == {"ann"}
    groups = {row["file"]: row["group"] for row in rows(out / "train.csv")}
    assert groups == {
        name.removeprefix("train/"): f"P-{name.rpartition('-')[2].removesuffix('.png')}"
        for name in files
        if name.startswith("train/")
    }
    layout = read_layout(out / "train")
    assert {one.label for one in layout.items} <= {"ok", "dent"}
    assert len(layout.items) == len(groups)
    assert f"{out}: train: " in capsys.readouterr().out


def test_what_cannot_be_exported_is_counted_by_reason(
    left: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for identity, label in (
        ("run-3", "ok"), ("run-9", CANT_TELL), ("run-1", "ok"), ("gone-1", "ok"), ("run-13", "ok"),
        ("run-13", WITHDRAWN), ("run-19", "../dent"), ("run-23", ".."),
    ):  # fmt: skip
        tell(left, identity, label)
    assert export(left, tmp_path / "reviewed") == 0
    said = capsys.readouterr().out
    for count, reason in ((1, NO_TRUTH), (1, NO_RECORD), (2, NO_FOLDER), (1, NO_PICTURE)):
        assert f"{count} {reason}" in said
    assert len(list((tmp_path / "reviewed").rglob("*.png"))) == 1


def test_test_parts_are_about_three_in_ten_and_stay_the_same() -> None:
    chosen = [is_for_test(f"part {number}") for number in range(4000)]
    assert sum(chosen) == pytest.approx(4000 * TEST_SHARE, abs=120)
    assert chosen[:5] == [is_for_test(f"part {number}") for number in range(5)]


@pytest.mark.parametrize("there", ["file", "full", "link"])
def test_what_is_there_is_never_overwritten(
    left: Settings, tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(left, "run-3", "ok")
    out = tmp_path / "reviewed"
    if there == "file":
        out.write_text("mine")
    elif there == "full":
        out.mkdir()
        (out / "mine").write_text("mine")
    else:
        out.symlink_to(tmp_path)
    assert export(left, out) == 2
    assert f"--export-review {out}: expected an empty folder, or none yet" in capsys.readouterr().err
    assert not list(tmp_path.glob(".reviewed*"))


def test_without_a_review_a_picture_or_an_archive_it_says_so_and_leaves_nothing(
    left: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(left, tmp_path / "reviewed") == 2
    assert "no reviewed part with a picture" in capsys.readouterr().err
    assert main(["--journal.path", left.journal.path, "--export-review", str(tmp_path / "reviewed")]) == 2
    assert "archive.path: no pictures are kept" in capsys.readouterr().err
    assert not (tmp_path / "reviewed").exists()


def test_a_disk_that_takes_no_more_leaves_nothing_half_written(
    left: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_from: object, _to: object) -> None:
        raise OSError(28, "No space left on device")

    tell(left, "run-3", "ok")
    monkeypatch.setattr("edge.records.export_review.shutil.copyfile", full)
    assert export(left, tmp_path / "reviewed") == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if "review" in path.name] == []
