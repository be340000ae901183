"""`edge --replay` says of how many files it speaks, and what became of the others."""

import csv
import json
import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.__main__ import main
from edge.core.photographs.listing import FURTHER_PAGES, MASKS
from testing.toy_model import toy_bundle

BRIGHT, DARK = 200, 50  # of the toy model: ok, defect


def draw(folder: Path, level: int, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        chance = np.random.default_rng(list(name.encode()))
        picture = chance.normal(level, 10, (48, 48)).clip(0, 255).astype(np.uint8)
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, picture)[1].tobytes())
    return folder


def document(capsys: pytest.CaptureFixture[str], source: Path, bundle: Path) -> dict[str, Any]:
    assert main(["--replay", str(source), "--model", str(bundle), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def last_lines(capsys: pytest.CaptureFixture[str], source: Path, bundle: Path) -> str:
    assert main(["--replay", str(source), "--model", str(bundle)]) == 0
    return "\n".join(capsys.readouterr().out.splitlines()[-2:])


def test_all_files_are_counted_by_reason_in_every_output(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw(tmp_path / "data" / "ok", BRIGHT, "1.png", "2.png").parent
    draw(data / "defect", DARK, "1.png")
    draw(data, DARK, "stray.png")
    (data / "ok" / "3.heic").write_bytes(b"x")
    (data / "ok" / "4.png").write_bytes((data / "ok" / "1.png").read_bytes()[:90])
    draw(data / "masks", 0, "1.png")
    cv2.imwritemulti(str(data / "ok" / "5.tif"), [np.full((16, 16), BRIGHT, np.uint8)] * 3)
    files = document(capsys, data, bundle)["files"]
    assert files == {
        "seen": 10,
        "used": 5,
        "left_out": 5,
        "reasons": {FURTHER_PAGES: 2, ".heic files are not read": 1, MASKS: 1, "the image is truncated": 1},
        "without_truth": 1,
    }
    said = last_lines(capsys, data, bundle)
    assert "10 files seen, 5 used (1 of them without a known truth), 5 left out: further pages" in said
    assert "4 of 4 labelled images right" in said
    assert "of 5 images 1 have no known truth" in said
    assert main(["--replay", str(data), "--model", str(bundle), "--report", str(tmp_path / "r")]) == 0
    with (tmp_path / "r" / "inspections.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(bool(row["verdict"]) for row in rows) == 5
    assert {row["file"]: row["reason"] for row in rows if not row["verdict"]} == {
        "masks/1.png": MASKS,
        "ok/3.heic": ".heic files are not read",
        "ok/4.png": "the image is truncated",
        "ok/5.tif": FURTHER_PAGES,
    }


@pytest.mark.parametrize(("name", "level", "escapes"), [("Dent", BRIGHT, 3), ("Blow hole", DARK, 0)])
def test_parts_of_a_kind_that_the_bundle_does_not_know_escape_if_they_pass(
    tmp_path: Path, name: str, level: int, escapes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw(tmp_path / "data" / "ok", BRIGHT, "1.png", "2.png").parent
    draw(data / name, level, "1.png", "2.png", "3.png")
    found = document(capsys, data, toy_bundle(tmp_path / "classes.tflite", task="classes"))
    labelled = found["labelled"]
    assert (labelled["images"], labelled["correct"], labelled["escapes"]) == (5, 5 - escapes, escapes)
    assert sum(labelled["confusion"][name].values()) == 3
    assert found["unknown_kinds"] == {name: 3}
    assert f"of kinds that the bundle does not know: {name} (3)" in last_lines(
        capsys, data, tmp_path / "classes.tflite"
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_of_any_system_are_known(tmp_path: Path, form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    data = draw(tmp_path / "data" / unicodedata.normalize(form, "Güte ok"), BRIGHT, "ä.png").parent
    draw(data / "OK", BRIGHT, unicodedata.normalize(form, "ö.png"))
    found = document(capsys, data, toy_bundle(tmp_path / "classes.tflite", task="classes"))
    assert found["unknown_kinds"] == {unicodedata.normalize("NFC", "Güte ok"): 1}
    assert found["files"]["without_truth"] == 0


def test_a_csv_file_of_labels_can_be_replayed(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "any", BRIGHT, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("file,label\nany/1.png,ok\nany/2.png,scratch\n")
    labelled = document(capsys, tmp_path / "labels.csv", bundle)["labelled"]
    assert (labelled["images"], labelled["escapes"]) == (2, 1)


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_a_video_that_is_none_is_said_to_be_none(
    content: bytes, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("deep" * 20)
    folder.mkdir()
    (folder / "line.mp4").write_bytes(content)
    assert main(["--replay", str(folder / "line.mp4"), "--model", str(bundle)]) == 2
    assert "line.mp4: cannot be opened; it is no video, or damaged" in capsys.readouterr().err


def test_a_folder_without_pictures_says_what_lies_there(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("1.heic", "2.heic"):
        (tmp_path / "data" / name).write_bytes(b"x")
    assert main(["--replay", str(tmp_path / "data"), "--model", str(bundle)]) == 2
    assert "no images in this folder; 2 files seen, 0 used, 2 left out: .heic" in capsys.readouterr().err


def test_how_the_folder_was_read_is_said(
    tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw(tmp_path / "data" / "photos" / "ok", BRIGHT, "1.png").parents[1]
    draw(data / "photos" / "dent", DARK, "2.png")
    assert document(capsys, data, bundle)["layout"].startswith("2 class folders in photos/, the only folder")
    archived = draw(tmp_path / "20261121" / "ok", BRIGHT, "20261121T100000000Z-a1b2-1.png")
    assert main(["--replay", str(archived), "--model", str(bundle)]) == 0
    out = capsys.readouterr().out
    assert "laid out as a station's archive, whose folders are verdicts and no truth" in out
    assert "right" not in out


def test_a_report_that_a_full_disk_does_not_take_leaves_nothing_behind(
    tmp_path: Path,
    bundle: Path,
    parts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.core.files.os.fsync", full)
    report = tmp_path / "reports" / "today"
    assert main(["--replay", str(parts), "--model", str(bundle), "--report", str(report)]) == 2
    assert (
        capsys.readouterr().err == f"edge: --report {report}: cannot be written (No space left on device)\n"
    )
    assert not (tmp_path / "reports").exists()
