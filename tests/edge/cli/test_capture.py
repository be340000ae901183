"""`edge --capture DIR/CLASS` makes a dataset."""

from pathlib import Path

import pytest

from edge.__main__ import main
from edge.core.images import read_image
from edge.core.photographs.listing import list_images

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
    arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    complaint = capfd.readouterr().err.strip()
    assert said in complaint
    assert "\n" not in complaint
