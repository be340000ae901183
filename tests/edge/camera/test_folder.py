"""Stored images as a camera."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.camera import folder
from edge.camera.folder import FolderCamera
from edge.core.images import encode_png
from edge.settings.camera import FileSettings


def write(path: Path, brightness: int) -> None:
    path.write_bytes(encode_png(np.full((16, 16), brightness, np.uint8)))


def test_an_image_is_read_when_it_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading ahead would take the processor from the inspection of the image before.
    write(tmp_path / "part.png", 10)

    class Wait:
        def __init__(self, rate: float) -> None:
            pass

        def wait(self) -> None:
            write(tmp_path / "part.png", 200)

    monkeypatch.setattr(folder, "Pacer", Wait)
    frame = FolderCamera(FileSettings(path=str(tmp_path))).read()
    assert frame is not None
    assert frame.image[0, 0] == 200


def test_damaged_images_are_left_out_and_the_last_one_is_the_end(tmp_path: Path) -> None:
    write(tmp_path / "a.png", 10)
    (tmp_path / "b.png").write_bytes(b"no image")
    write(tmp_path / "c.png", 30)
    (tmp_path / "d.png").write_bytes(b"no image")
    camera = FolderCamera(FileSettings(path=str(tmp_path), replay_fps=1000))
    frames = []
    while (frame := camera.read()) is not None:
        frames.append((frame.sequence, int(frame.image[0, 0])))
    assert frames == [(0, 10), (2, 30)]
    assert camera.read() is None


def test_what_the_bundle_says_of_16_bits_counts_more_than_what_the_folder_uses(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((16, 16), 512, np.uint16))
    for bits, seen in ((None, 128), (12, 32), (16, 2)):
        frame = FolderCamera(FileSettings(path=str(tmp_path), bits=bits)).read()
        assert frame is not None
        assert frame.image[0, 0] == seen
