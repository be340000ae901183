"""The units as systemd's own tools judge them, and the installer's words."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNITS = ["edge.service", "edge@.service"]
MOST_EXPOSED = 15  # tenths, of at most 100


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_analyze_finds_it_exposed_by_no_more_than_1_5(unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    command = [program, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"]
    judged = subprocess.run([*command, SYSTEMD / unit], capture_output=True, text=True, check=False)
    if "unrecognized option" in judged.stderr:
        pytest.skip("this systemd-analyze cannot judge a file: version 250 is needed")
    assert judged.returncode == 0, judged.stdout[-200:] + judged.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_a_camera_that_is_first_plugged_in_after_the_start_is_allowed_too(unit: str) -> None:
    """By name, systemd would look for video4linux among the drivers that are loaded at the start."""
    text = (SYSTEMD / unit).read_text()
    assert "DeviceAllow=char-81 rw" in text
    assert "DeviceAllow=char-video4linux" not in text


def test_one_of_several_stations_differs_from_the_only_one_in_paths_and_user_alone() -> None:
    one, several = ((SYSTEMD / unit).read_text() for unit in UNITS)
    for instance, single in (("/%i/", "/"), ("station %i\n", "station\n"), ("linegate-%i\n", "linegate\n")):
        several = several.replace(instance, single)
    assert several == one


def install(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SYSTEMD / "install", *arguments], capture_output=True, text=True, check=False
    )


def test_the_installer_explains_itself() -> None:
    shown = install("--help")
    assert shown.returncode == 0
    assert "examples, as root:" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--purge"], "--purge: goes with --remove"),
        (["--station", "../left"], "--station: '../left'"),
        (["--station", "credentials"], "--station: 'credentials'"),
        (["--bundle", "none.tflite"], "none.tflite: is not there"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line_before_anything_happens(
    arguments: list[str], said: str
) -> None:
    refused = install(*arguments)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
