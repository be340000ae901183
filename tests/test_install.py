"""The installer on a device that is played: killed at every step, and beside other software."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.rigs.killed_install import FOREIGN, OLD, SCENARIOS, Device, command

ROOT = Path(__file__).parents[1]


def kill_everywhere(scenario: str, every: int) -> dict[str, object]:
    """In a process of its own, which forks one for each run."""
    rig = [sys.executable, "-m", "testing.rigs.killed_install", scenario, str(every)]
    done = subprocess.run(rig, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_some_steps_the_same_again_leads_to_the_same(scenario: str) -> None:
    assert kill_everywhere(scenario, every=11)["wrong"] == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_step_the_same_again_leads_to_the_same(scenario: str) -> None:
    found = kill_everywhere(scenario, every=1)
    assert found["wrong"] == {}
    assert int(str(found["steps"])) > 5


@pytest.fixture
def device(tmp_path: Path) -> Device:
    (tmp_path / "device").mkdir()
    return Device(tmp_path / "device")


def test_the_bundle_and_the_release_that_ran_last_are_back_where_the_new_ones_do_not_start(
    device: Device,
) -> None:
    assert device.install(OLD(device)) == 0
    before = device.state()
    assert device.install(command("bad", bundle="bad")(device)) == 1
    assert device.state() == before
    assert device.install(command("good-old", bundle="bad")(device)) == 1
    assert device.state() == before
    assert "back on good-old" in device.said


def test_one_without_a_start_is_what_the_next_goes_back_to(device: Device) -> None:
    device.install(OLD(device))
    assert device.install(command("good-new", "--no-start", bundle="good-second")(device)) == 0
    accepted = {key: text for key, text in device.state().items() if not key.startswith("runs/")}
    assert device.install(command("bad", bundle="bad")(device)) == 1
    left = {key: text for key, text in device.state().items() if not key.startswith("runs/")}
    assert left == accepted


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_whatever_roots_umask_is_the_service_reads_all_and_root_alone_writes(
    device: Device, umask: int, tmp_path: Path
) -> None:
    device.install(command("good-old", "--gpio", bundle="good-first")(device), umask=umask)
    modes = {path: path.stat().st_mode & 0o777 for path in (device.root / "etc").rglob("*")}
    folders = {path for path in modes if path.is_dir()}
    assert {modes[path] for path in folders if path.name != "credentials"} == {0o755}
    assert {modes[path] for path in folders if path.name == "credentials"} == {0o700}
    assert {mode for path, mode in modes.items() if path not in folders} == {0o644}
    (tmp_path / "usual").mkdir()
    usual = Device(tmp_path / "usual")
    usual.install(command("good-old", "--gpio", bundle="good-first")(usual))
    assert [text.split()[0] for text in device.state().values()] == [
        text.split()[0] for name, text in usual.state().items()
    ]


def test_folders_that_an_earlier_install_left_open_are_closed(device: Device) -> None:
    settings = device.root / "etc" / "linegate"
    (settings / "credentials").mkdir(parents=True)
    for folder in (settings, settings / "credentials"):
        folder.chmod(0o777)
    device.install(OLD(device))
    assert settings.stat().st_mode & 0o777 == 0o755
    assert (settings / "credentials").stat().st_mode & 0o777 == 0o700


def test_settings_of_an_earlier_release_keep_their_mode_and_owner_when_their_paths_become_whole(
    device: Device,
) -> None:
    device.install(OLD(device))
    config = device.root / "etc" / "linegate" / "config.toml"
    text = config.read_text()
    place = next(line for line in text.splitlines() if line.endswith('journal.sqlite"'))
    config.write_text(text.replace(place, 'path = "state/journal.sqlite"'))
    config.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(config, 12, 34)
    before = config.stat()
    assert device.install(command("good-new")(device)) == 0
    now = config.stat()
    assert place in config.read_text()
    assert (now.st_mode, now.st_uid, now.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_purge_takes_nothing_of_other_software(device: Device) -> None:
    device.install(command("good-old", "--gpio", bundle="good-first")(device))
    own = device.units / "edge.service.d" / "own.conf"
    own.write_text("[Service]\n")
    assert device.install(["--remove"]) == 0
    assert own.exists()
    device.install(OLD(device))
    assert device.install(["--remove", "--purge"]) == 0
    assert not own.parent.exists()
    left = {str(path.relative_to(device.units)) for path in device.units.rglob("*") if path.is_file()}
    assert left == set(FOREIGN)
    assert not [path for name in ("opt", "etc", "var") for path in (device.root / name).iterdir()]


def test_a_unit_of_that_name_that_is_another_s_is_neither_replaced_nor_removed(device: Device) -> None:
    theirs, drop_in = device.units / "edge.service", device.units / "edge.service.d" / "theirs.conf"
    theirs.write_text("[Service]\nExecStart=/usr/bin/browser\n")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\n")
    assert device.install(OLD(device)) == 2
    assert "edge.service: belongs to other software" in device.said
    assert device.install(["--remove", "--purge"]) == 0
    assert theirs.read_text().endswith("browser\n")
    assert drop_in.exists()


def test_a_disk_that_is_full_for_the_switch_is_said_in_one_line_and_what_ran_before_runs(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(OLD(device))
    before = device.state()
    replace, room = Path.replace, [False]

    def fail(self: Path, target: Path) -> Path:
        if target.name == "edge@.service" and not room[0]:
            room[0] = True
            raise OSError(28, "No space left on device", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    assert device.install(command("good-new")(device)) == 1
    assert "install: [Errno 28] No space left on device" in device.said
    assert device.state() == before


def test_a_disk_that_is_full_before_anything_changed_is_said_in_one_line(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.install(OLD(device))
    before = device.state()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "/opt/linegate/good-new")

    monkeypatch.setattr("shutil.copy", fail)
    assert device.install(command("good-new")(device)) == 2
    assert "fix that, and run the same command again" in device.said
    assert "Traceback" not in device.said
    assert device.state() == before


def test_what_a_release_was_installed_with_the_next_one_is_too(device: Device) -> None:
    device.install(command("good-old", "--with", "page", "--with", "modbus", bundle="good-first")(device))
    assert extras_of(device) == ["modbus", "page"]
    assert device.install(command("good-new")(device)) == 0
    assert extras_of(device) == ["modbus", "page"]
    assert device.install(command("good-new", "--with", "parquet")(device)) == 0
    assert extras_of(device) == ["modbus", "page", "parquet"]
    assert device.install(command("bad", "--with", "gpio")(device)) == 1
    assert extras_of(device) == ["modbus", "page", "parquet"], "back on what ran"


def extras_of(device: Device) -> list[str]:
    return (device.root / "opt/linegate/current/linegate/extras").read_text().split()
