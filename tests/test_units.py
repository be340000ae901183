"""The units as systemd's own tools judge them, and the installer's words."""

import importlib.util
import re
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from edge.settings.load_settings import load_settings

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNITS = ["edge.service", "edge@.service"]
PAGES = ["edge-page.service", "edge-page@.service"]
MOST_EXPOSED = 15  # tenths, of at most 100


@pytest.mark.parametrize("unit", [*UNITS, *PAGES])
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


def test_the_page_of_one_of_several_differs_from_that_of_the_only_one_in_paths_and_user_alone() -> None:
    one, several = ((SYSTEMD / unit).read_text() for unit in PAGES)
    for instance, single in (
        ("/%i/", "/"), ("of station %i", "of the station"), ("edge@%i", "edge"), ("linegate-%i", "linegate"),
    ):  # fmt: skip
        several = several.replace(instance, single)
    assert several == one


@pytest.mark.parametrize(("station", "page"), list(zip(UNITS, PAGES, strict=True)))
def test_nothing_of_a_station_waits_for_its_page_and_the_page_writes_nothing_of_the_station(
    station: str, page: str
) -> None:
    name = station.removesuffix(".service") + ("%i" if "@" in station else "")
    assert "page" not in (SYSTEMD / station).read_text()
    text = (SYSTEMD / page).read_text()
    assert f"ReadOnlyPaths=%S/private/linegate/{name}\n" in text
    assert not re.search(r"^(Requires|BindsTo|PartOf|Before|Upholds)=", text, re.MULTILINE)


def install(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SYSTEMD / "install", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The installer as a module, with settings that lie elsewhere."""
    loader = SourceFileLoader("linegate_install", str(SYSTEMD / "install"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "SETTINGS", tmp_path)
    return module


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release that writes the first settings."""
    (tmp_path / "release" / "bin").mkdir(parents=True)
    python = tmp_path / "release" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path / "release"


@pytest.fixture
def state(installer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(installer, "STATE", (tmp_path / "lib",))
    (tmp_path / "lib" / "edge" / "bundles").mkdir(parents=True)
    return tmp_path / "lib" / "edge"


def test_new_settings_name_the_whole_paths_of_what_a_station_keeps(
    installer: Any, state: Path, release: Path, tmp_path: Path
) -> None:
    installer.make_settings("", release)
    settings = load_settings(tmp_path / "config.toml", {})
    assert settings.journal.path == str(state / "state/journal.sqlite")
    assert settings.model.folder == str(state / "bundles")
    assert settings.model.path == str(tmp_path / "part.tflite")
    assert settings.archive.path == ""


@pytest.mark.parametrize(
    "text",
    [
        '[journal]\npath = "state/journal.sqlite"  # there\nmax_rows = 5000\n[archive]\npath="kept"\n',
        '[recipe]\n[archive]\npath = "kept"\n[journal]\nmax_rows = 5000\n',
        '\ufeff[archive]\npath = "kept"\n[journal]\nmax_rows = 5000',
        'archive.path = "kept"\njournal.max_rows = 5000\n#model.folder = "bundles"\n[recipes.can]\n',
    ],
)
def test_settings_of_an_earlier_release_go_on_to_mean_the_same_paths(
    installer: Any, state: Path, release: Path, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    installer.make_settings("", release)
    settings = load_settings(tmp_path / "config.toml", {})
    assert settings.journal.path == str(state / "state/journal.sqlite")
    assert settings.archive.path == str(state / "kept")
    assert (settings.model.folder, settings.journal.max_rows) == (str(state / "bundles"), 5000)
    before = (tmp_path / "config.toml").read_text()
    installer.make_settings("", release)
    assert (tmp_path / "config.toml").read_text() == before


def test_a_bundle_that_lay_with_the_state_is_named_before_anything_changes(
    installer: Any, state: Path, release: Path, tmp_path: Path
) -> None:
    (state / "bundles" / "can.tflite").touch()
    text = '[recipes.can]\nbundle = "bundles/can.tflite"\n'
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(
        installer.InstallError, match=r"recipes\.can\.bundle: .* write .*/lib/edge/bundles/can"
    ):
        installer.make_settings("", release)
    assert (tmp_path / "config.toml").read_text() == text


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
