"""`edge --capture DIR/CLASS` makes a dataset."""

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.__main__ import main
from edge.core.frame import Frame
from edge.core.images import read_image
from edge.core.photographs.listing import list_images
from tests.edge.deployment.bundles import store

ABSENT_DEVICE = ["--camera.kind", "device", "--camera.device", "/dev/video99"]
ABSENT_FILE = ["--camera.kind", "file", "--camera.path", "nowhere"]


def test_the_simulated_conveyor_draws_the_class_that_the_folder_names(tmp_path: Path) -> None:
    for name in ("ok", "defect", "crack"):
        assert main(["--capture", str(tmp_path / name), "--count", "3", "--camera.kind", "simulated"]) == 0
    images = [read_image(path) for path in list_images(tmp_path)]
    assert len(images) == 9
    assert len({image.tobytes() for image in images}) == 9, "the same disc lies in two classes"


def test_capturing_again_goes_on_after_what_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["--capture", str(tmp_path / "ok"), "--count", "2"]) == 0
    assert [path.name for path in list_images(tmp_path)] == [f"{number:06}.png" for number in range(4)]
    assert len({path.read_bytes() for path in list_images(tmp_path)}) == 4


def test_frames_of_another_source_are_written_without_loss(parts: Path, tmp_path: Path) -> None:
    source = ["--camera.kind", "file", "--camera.path", str(parts / "ok"), "--camera.replay_fps", "1000"]
    assert main(["--capture", str(tmp_path / "out" / "anything"), "--count", "9", *source]) == 0
    written = [read_image(path) for path in list_images(tmp_path / "out")]
    original = [read_image(path) for path in list_images(parts / "ok")]
    assert [image.tobytes() for image in written] == [image.tobytes() for image in original]


class _Camera:
    """Gives these frames."""

    description, live, ignored = "camera 0", True, ()

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = iter(frames)

    def read(self) -> Frame | None:
        return next(self._frames, None)

    def close(self) -> None:
        pass


def frame(level: int, **more: Any) -> Frame:
    return Frame(np.full((16, 16), level, np.uint8), 0, 0.0, datetime.now(UTC), **more)


@pytest.fixture
def from_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, list[int]]]:
    """Captures from a camera of these frames; gives the status and what the written ones show."""
    monkeypatch.chdir(tmp_path)

    def run(frames: Iterable[Frame], *arguments: str) -> tuple[int, list[int]]:
        monkeypatch.setattr("edge.cli.capture.open_camera", lambda *_: _Camera(frames))
        status = main(["--capture", "d/ok", "--count", "3", "--camera.kind", "device", *arguments])
        return status, [int(read_image(path)[0, 0]) for path in sorted(Path().glob("d/ok/*"))]

    return run


def test_frames_that_the_camera_spoilt_are_no_photographs_and_are_counted(
    from_camera: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    torn = frame(0, fault="camera: half decoded: the image is truncated")
    assert from_camera([frame(10), torn, frame(20), torn, frame(30)]) == (0, [10, 20, 30])
    assert (
        "3 frames written, 2 left out: camera: half decoded: the image is truncated (2)"
        in capsys.readouterr().out
    )


def test_a_camera_that_only_gives_spoilt_frames_is_an_error(
    from_camera: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert from_camera(itertools.repeat(frame(0, fault="camera: half decoded: x"))) == (2, [])
    assert "gave no frame; 100 left out: camera: half decoded: x (100)" in capsys.readouterr().err
    assert not Path("d").exists()


def test_a_camera_of_16_bits_needs_to_know_how_many_it_uses(
    from_camera: Callable[..., Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    deep = [frame(200, bits=16), frame(201, bits=16)]
    assert from_camera(deep) == (2, [])
    assert "camera.bits: the camera gives 16 bits" in capsys.readouterr().err
    store(tmp_path, "of-12.tflite", bits=12)
    assert from_camera(deep, "--model", "of-12.tflite") == (0, [200, 201])
    assert from_camera(deep, "--camera.bits", "16")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--capture", "data/unheard-of"], "name the folder after one of them"),
        (
            ["--capture", "data/ok", "--camera.kind", "device", "--camera.device", "/dev/video99"],
            "cannot be opened",
        ),
        (
            ["--capture", "data/ok", "--camera.kind", "file", "--camera.path", "nowhere"],
            "no such file or folder",
        ),
        (["--capture", "data/ok", "--count", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_captured_is_refused_in_one_line(
    arguments: list[str],
    said: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    complaint = capfd.readouterr().err.strip()
    assert said in complaint
    assert "\n" not in complaint
    assert not Path("data").exists()
