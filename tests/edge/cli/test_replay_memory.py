"""The memory of `edge --replay`, by limits of address space."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOM_MB = 60  # over what the interpreter, OpenCV and the runtime took for one such picture
ROOT = Path(__file__).parents[3]
# The first replay loads all there is to load; the limit stands above what that took at most.
PROGRAM = """
import resource, sys
from edge.__main__ import main
model, room = sys.argv[1], int(sys.argv[2]) * 10**6
assert main(["--replay", sys.argv[3], "--model", model]) == 0
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
limit = int(status[sys.argv[4]].split()[0]) * 1024 + room
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(["--replay", sys.argv[5], "--model", model]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")


def pictures(folder: Path, *, count: int, width: int, height: int) -> Path:
    """One photograph under many names."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(1)
    small = chance.integers(0, 255, (height // 20, width // 20, 3), np.uint8)
    cv2.imwrite(str(folder / "00000.jpg"), cv2.resize(small, (width, height)))
    for number in range(1, count):
        (folder / f"{number:05}.jpg").hardlink_to(folder / "00000.jpg")
    return folder


def replay_within(
    bundle: Path, first: Path, then: Path, *, room_mb: int, above: str = "VmPeak"
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(bundle), str(room_mb), str(first), above, str(then)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("large", "small"),
    [(8, 400), pytest.param(80, 12_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_no_picture_is_held_longer_than_its_inspection(
    tmp_path: Path, bundle: Path, large: int, small: int
) -> None:
    first = pictures(tmp_path / "first", count=1, width=4000, height=3000)
    data = pictures(tmp_path / "data" / "large", count=large, width=4000, height=3000).parent
    pictures(data / "small", count=small, width=160, height=160)
    done = replay_within(bundle, first, data, room_mb=ROOM_MB)
    assert done.returncode == 0, done.stderr
    assert f"{large + small} files seen, {large + small} used" in done.stdout


def test_too_little_memory_is_a_failure_and_nothing_is_left_out(tmp_path: Path, bundle: Path) -> None:
    first = pictures(tmp_path / "first", count=1, width=160, height=160)
    large = pictures(tmp_path / "large", count=2, width=8000, height=6000)
    done = replay_within(bundle, first, large, room_mb=150, above="VmSize")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "large/00000.jpg: memory does not suffice" in line
    assert "2 images" not in done.stdout
