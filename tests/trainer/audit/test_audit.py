"""`trainer audit` says what is wrong with photographs, and nothing of what is right with them."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.images import encode_png
from edge.simulation.parts import PartRenderer
from trainer.__main__ import main

PARTS = PartRenderer(seed=3, size=200)


def audit(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert main(["audit", str(folder), "--json", *options]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def write(folder: Path, *, first: int, count: int, kind: str, brightness: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        image = np.clip(PARTS.render(number, kind=kind).image.astype(int) + brightness, 0, 255)
        (folder / f"{number}.png").write_bytes(encode_png(image.astype(np.uint8)))


def copy_turned(source: Path, target: Path) -> None:
    image = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    cv2.imwrite(str(target), cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    write(tmp_path / "data" / "ok", first=0, count=30, kind="ok")
    write(tmp_path / "data" / "defect", first=100, count=30, kind="crack")
    return tmp_path / "data"


def test_honest_photographs_have_no_findings(photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audit(photographs, capsys)
    assert found["findings"] == []
    assert found["pictures"] == found["images"] == 60


def test_copies_torn_labels_and_unreadable_files_are_named(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photographs / "ok" / "again.png").write_bytes((photographs / "ok" / "3.png").read_bytes())
    copy_turned(photographs / "ok" / "5.png", photographs / "defect" / "torn.png")
    (photographs / "ok" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    found = audit(photographs, capsys)
    assert found["identical"] == [["ok/3.png", "ok/again.png"]]
    assert found["two_labels"] == [["defect/torn.png", "ok/5.png"]]
    assert found["images_with_copies"] == 4
    assert list(found["unreadable"]) == ["ok/broken.png"]  # type: ignore[call-overload]
    assert main(["audit", str(photographs)]) == 0
    table = capsys.readouterr().out
    assert "ok/5.png" in table
    assert "broken.png" in table


def test_test_images_that_are_copies_of_training_images_are_said_first(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = tmp_path / "test"
    write(test / "ok", first=200, count=6, kind="ok")
    write(test / "defect", first=300, count=5, kind="crack")
    copy_turned(photographs / "ok" / "7.png", test / "ok" / "x.png")
    found = audit(photographs, capsys, "--test", str(test))
    assert found["train_and_test"] == [["ok/7.png", str(test / "ok" / "x.png")]]
    assert str(found["findings"][0]).startswith("1 test image is a copy")  # type: ignore[index]


def test_a_label_that_the_light_tells_is_a_shortcut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "ok", first=0, count=30, kind="ok", brightness=30)
    write(tmp_path / "defect", first=100, count=30, kind="crack")
    said = " ".join(audit(tmp_path, capsys)["findings"])  # type: ignore[arg-type]
    assert "the border of the picture alone" in said
    assert "size, brightness, compression alone" in said


def test_a_folder_without_photographs_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err.strip()
    assert "holds no images" in complaint
    assert "\n" not in complaint


def test_the_page_shows_pairs_and_needs_nothing_from_elsewhere(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_turned(photographs / "ok" / "5.png", photographs / "defect" / "<b>torn.png")
    (photographs / "ok" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    page = tmp_path / "audit.html"
    audit(photographs, capsys, "--report", str(page))
    text = page.read_text("utf-8")
    assert "The same picture under more than one label: 1" in text
    assert "defect/&lt;b&gt;torn.png (defect) and ok/5.png (ok)" in text
    assert "Files that cannot be used: 1" in text
    assert all(link.startswith("data:") for link in re.findall(r'(?:src|href)="([^"]*)"', text))
    assert "<script" not in text


def test_a_page_that_cannot_be_written_is_said_before_the_work(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(photographs), "--report", str(tmp_path / "no" / "page.html")]) == 2
    assert "page.html: expected a file in a folder that exists" in capsys.readouterr().err


def test_the_same_bland_picture_twice_is_a_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label, level in (("ok", 90), ("bad", 30)):
        (tmp_path / label).mkdir()
        for number in range(3):
            same = np.full((64, 64), level, np.uint8)
            (tmp_path / label / f"{number}.png").write_bytes(encode_png(same))
    assert audit(tmp_path, capsys)["pictures"] == 2


def test_files_of_both_folders_that_cannot_be_used_are_counted(
    photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "test" / "ok", first=200, count=3, kind="ok")
    for folder in (photographs, tmp_path / "test"):
        (folder / "ok" / "empty.png").write_bytes(b"")
    unreadable = audit(photographs, capsys, "--test", str(tmp_path / "test"))["unreadable"]
    assert list(unreadable) == [  # type: ignore[call-overload]
        "ok/empty.png",
        str(tmp_path / "test" / "ok" / "empty.png"),
    ]


def test_a_reader_that_has_seen_enough_ends_it_quietly(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    monkeypatch.setattr("sys.stderr", StringIO())
    assert main(["audit", str(photographs)]) == 1


def test_it_says_nothing_beside_what_it_found_and_loads_no_network(tmp_path: Path) -> None:
    for number, label in enumerate(("ok", "dent")):
        write(tmp_path / label, first=100 * number, count=4, kind="ok")
    code = """
import sys
from trainer.__main__ import main
status = main(["audit", sys.argv[1]])
sys.exit(status or sorted({"keras", "tensorflow"} & {*sys.modules}) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "8 files seen, 8 used" in done.stdout
