"""Damaged videos: what is shown by them is used up to the damage, and all the rest is counted.

In processes of their own, for FFmpeg has one place for its complaints in a process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from testing.toy_model import toy_bundle

FRAMES = 20
SIZE = (96, 72)
ALL = """
import sys
from edge.__main__ import main
bundle, *videos = sys.argv[1:]
for video in videos:
    print(main(["--replay", video, "--model", bundle, "--json"]))
"""
AS_IT_IS: Callable[[bytearray], None] = lambda _: None  # noqa: E731


def film(file: Path, codec: str) -> bytearray:
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), 10, SIZE)
    chance = np.random.default_rng(1)
    ground = chance.integers(60, 200, (SIZE[1], SIZE[0], 3), np.uint8)
    for number in range(FRAMES):
        writer.write(cv2.circle(ground.copy(), (20 + 3 * number, 36), 12, (220, 220, 220), -1))
    writer.release()
    return bytearray(file.read_bytes())


def middle_zeroed(data: bytearray) -> None:
    at = data.index(b"mdat") if b"mdat" in data else 0
    middle = (at + len(data)) // 2
    data[middle : middle + 400] = bytes(400)


def middle_lost(data: bytearray) -> None:
    del data[len(data) // 2 : len(data) // 2 + 1500]


def second_half_lost(data: bytearray) -> None:
    del data[len(data) // 2 :]


def index_lost(data: bytearray) -> None:
    at = data.rindex(b"idx1")
    data[at + 8 :] = b"\xff" * (len(data) - at - 8)


def one_picture_spoilt(data: bytearray) -> None:
    """In the coded part of the eleventh JPEG, from its middle on."""
    at = -1
    for _ in range(11):
        at = data.index(b"\xff\xd8\xff", at + 1)
    end = data.index(b"\xff\xd9", at)
    data[(at + end) // 2 : (at + end) // 2 + 64] = b"\x7f" * 64


VIDEOS: dict[str, tuple[str, Callable[[bytearray], None]]] = {
    "whole.mp4": ("mp4v", AS_IT_IS),
    "whole.avi": ("MJPG", AS_IT_IS),
    "whole.mkv": ("mp4v", AS_IT_IS),
    "hole.mp4": ("mp4v", middle_zeroed),
    "cut.avi": ("MJPG", second_half_lost),
    "cut.mkv": ("mp4v", second_half_lost),
    "lost.avi": ("XVID", middle_lost),
    "lost.mkv": ("mp4v", middle_lost),
    "index.avi": ("MJPG", index_lost),
    "picture.avi": ("MJPG", one_picture_spoilt),
    "cut.mp4": ("mp4v", second_half_lost),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, dict[str, Any], str]]:
    """Of each video: the exit status, the document, and what was said to people."""
    folder = tmp_path_factory.mktemp("videos")
    for name, (codec, spoil) in VIDEOS.items():
        data = film(folder / name, codec)
        spoil(data)
        (folder / name).write_bytes(data)
    bundle = toy_bundle(folder / "toy.tflite")
    ours = {key: value for key, value in os.environ.items() if not key.startswith("OPENCV_")}
    done = subprocess.run(
        [sys.executable, "-c", ALL, bundle, *(folder / name for name in VIDEOS)],
        capture_output=True, text=True, check=True, env=ours,
    )  # fmt: skip
    found, document = {}, "{}"
    names = iter(VIDEOS)
    for line in done.stdout.splitlines():
        if line.isdecimal():
            name = next(names)
            said = "\n".join(text for text in done.stderr.splitlines() if name in text)
            found[name] = (int(line), json.loads(document), said)
            document = "{}"
        else:
            document = line
    assert [*found] == [*VIDEOS]
    assert "@ 0x" not in done.stderr  # FFmpeg's own words stand in ours
    return found


def scores(document: dict[str, Any]) -> list[float]:
    return [one["score"] for one in document["inspections"]]


@pytest.mark.parametrize("name", ["whole.mp4", "whole.avi", "whole.mkv", "index.avi"])
def test_a_whole_video_is_used_whole_also_without_its_index(told: Any, name: str) -> None:
    status, document, said = told[name]
    assert (status, said) == (0, "")
    assert document["files"]["used"] == FRAMES
    assert document["files"]["left_out"] == 0


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("hole.mp4", "whole.mp4"),
        ("cut.mkv", "whole.mkv"),
        ("lost.mkv", "whole.mkv"),
        ("cut.avi", "whole.avi"),
    ],
)
def test_from_the_damage_on_frames_are_counted_and_not_used(told: Any, name: str, whole: str) -> None:
    status, document, _ = told[name]
    files, used = document["files"], document["files"]["used"]
    assert status == 0
    assert (files["seen"], used + files["left_out"]) == (FRAMES, FRAMES)
    assert 0 < used < FRAMES - 5
    assert scores(document) == scores(told[whole][1])[:used]
    assert set(files["reasons"]) <= {
        "frames of a video from a damaged place on", "frames of a video that cannot be read",
        "damaged frames of a video",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["hole.mp4", "lost.mkv", "lost.avi"])
def test_where_the_damage_begins_is_said(told: Any, name: str) -> None:
    _, document, said = told[name]
    assert f"{name}#{document['files']['used']} and what follows: is damaged (" in said


def test_of_motion_jpeg_only_the_damaged_frame_is_left_out(told: Any) -> None:
    _, document, said = told["picture.avi"]
    assert document["files"]["reasons"] == {"damaged frames of a video": 1}
    assert "picture.avi#10: camera: half decoded: is damaged (Corrupt JPEG data" in said
    whole = scores(told["whole.avi"][1])
    assert scores(document) == whole[:10] + whole[11:]


def test_a_video_whose_end_tells_where_its_frames_are_is_refused_without_it(told: Any) -> None:
    status, _, said = told["cut.mp4"]
    assert status == 2
    assert said.endswith("cut.mp4: cannot be opened; it is no video, or damaged")
