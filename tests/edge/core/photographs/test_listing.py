"""The content of a folder, and why some of it is no photograph."""

import os
from collections import Counter
from pathlib import Path

import pytest

from edge.core.errors import InputError
from edge.core.photographs.listing import OF_A_RUN, list_images, list_photographs
from tests.edge.core.photographs.drawings import photographs


def reasons(root: Path) -> Counter[str]:
    return Counter(one.reason for one in list_photographs(root).left_out)


def names(root: Path) -> list[str]:
    listing = list_photographs(root)
    return [listing.name(path) for path in listing.photographs]


def test_every_ending_that_is_not_read_is_counted(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", "1.png", "2.JPG")
    for name in ("IMG_1.HEIC", "img_2.heic", "a.avif", "b.gif", "c.jp2", "d.CR2", "noending", "notes.txt"):
        (tmp_path / "ok" / name).write_bytes(b"x")
    assert names(tmp_path) == ["ok/1.png", "ok/2.JPG"]
    assert reasons(tmp_path) == {
        ".heic files are not read": 2,
        ".avif files are not read": 1,
        ".gif files are not read": 1,
        ".jp2 files are not read": 1,
        ".cr2 files are not read": 1,
        ".txt files are not read": 1,
        "files without an ending are not read": 1,
    }


def test_hidden_pictures_are_counted_and_other_hidden_files_are_not(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", "1.png", "._1.png")
    photographs(tmp_path / ".thumbnails" / "deep", "1.png")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    assert names(tmp_path) == ["ok/1.png"]
    assert reasons(tmp_path) == {"hidden, by a dot before the name": 2}


def test_a_run_of_the_trainer_is_never_read(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", "1.png")
    for run, mark in (("runs/monday", "run.json"), ("ok/killed", "checkpoint/a.npz")):
        photographs(tmp_path / run, "confusion.png")
        (tmp_path / run / mark).parent.mkdir(exist_ok=True)
        (tmp_path / run / mark).write_bytes(b"{}")
    assert names(tmp_path) == ["ok/1.png"]
    assert reasons(tmp_path) == {OF_A_RUN: 4}


def test_a_folder_that_is_linked_to_is_read_once(tmp_path: Path) -> None:
    photographs(tmp_path / "elsewhere", "1.png", "2.png")
    photographs(tmp_path / "data" / "ok", "1.png")
    (tmp_path / "data" / "dent").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "ok" / "round").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "up").symlink_to(tmp_path)
    (tmp_path / "data" / "latest").symlink_to(tmp_path / "data" / "ok")
    assert names(tmp_path / "data") == ["again/1.png", "again/2.png", "ok/1.png"]
    assert sum(reasons(tmp_path / "data").values()) == 4
    assert all("not followed" in reason for reason in reasons(tmp_path / "data"))


def test_a_link_to_nothing_and_what_is_no_file_are_counted(tmp_path: Path) -> None:
    photographs(tmp_path / "ok", "1.png")
    (tmp_path / "ok" / "2.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "ok" / "3.png").symlink_to("1.png")
    os.mkfifo(tmp_path / "ok" / "4.png")
    assert names(tmp_path) == ["ok/1.png", "ok/3.png"]
    assert reasons(tmp_path) == {"links to nothing": 1, "neither files nor folders": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ok").mkdir(mode=0)
    with pytest.raises(InputError, match="may not be read; fix: chmod"):
        list_images(tmp_path)
