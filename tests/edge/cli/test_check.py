"""`edge --check` tries everything outside once."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.camera.check import mend_device
from edge.core.clock import clock_is_synchronised
from edge.core.errors import SettingsError
from edge.records.journal import Record
from edge.records.recorder import Recorder
from edge.settings.journal import JournalSettings
from testing.brokers import MosquittoBroker
from testing.rigs.sources import HttpCamera
from tests.edge.deployment.bundles import store_deadly
from tests.edge.records.journals import FIRST_SCHEMA, BrokerJournal

THINGS = (
    "settings", "bundle", "camera", "recipes", "picture", "times", "gate", "pins",
    "journal", "archive", "disk", "clock", "permissions", "broker", "page", "modbus",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _a_clock_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.cli.check.clock_is_synchronised", lambda: True)


def findings(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, bool], str]:
    status = main(["--check", "--json", "--journal.path", "journal.sqlite", *arguments])
    document = json.loads(capsys.readouterr().out)
    assert document["works"] == (status == 0)
    found = {finding["thing"]: finding["works"] for finding in document["findings"]}
    return status, found, " ".join(finding["text"] for finding in document["findings"])


@pytest.mark.broker
def test_everything_works(bundle: Path, broker: MosquittoBroker, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(bundle), "--mqtt.port", str(broker.port)]
    status, found, text = findings(arguments, capsys)
    assert status == 0
    assert found == dict.fromkeys(THINGS, True)
    assert "MQTT 5" in text


def test_each_thing_that_does_not_work_is_said_and_the_rest_is_still_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = [
        "--model",
        "absent.tflite",
        "--camera.kind",
        "device",
        "--camera.device",
        "/dev/video99",
        "--mqtt.port",
        "1",
    ]
    status, found, text = findings(away, capsys)
    assert status == 1
    assert {thing for thing, works in found.items() if not works} == {"bundle", "camera", "broker"}
    assert "absent.tflite" in text
    assert "there is no /dev/video99; is the camera plugged in? Video devices here: " in text


def test_a_password_in_a_camera_url_is_not_shown(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "rtsp://operator:secret@127.0.0.1:9/line?token=hidden"
    arguments = [
        "--model",
        str(bundle),
        "--camera.kind",
        "stream",
        "--camera.url",
        url,
        "--camera.open_timeout_ms",
        "500",
    ]
    _, found, text = findings([*arguments, "--mqtt.enabled", "false"], capsys)
    assert found["camera"] is False
    assert "127.0.0.1:9/line" in text
    assert "secret" not in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("good", ", sharpness 0."),
        ("black", "take off the lens cap"),
        ("white", "lower camera.exposure"),
        ("repeated", "restart the camera"),
        ("truncated", "loose cable"),
    ],
)
def test_what_is_wrong_with_the_pictures_is_said_with_what_mends_it(
    kind: str, said: str, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = HttpCamera()
    try:
        camera.send(kind)
        arguments = ["--camera.kind", "stream", "--camera.url", camera.url, "--mqtt.enabled", "false"]
        _, found, text = findings(["--model", str(bundle), *arguments, "--camera.settle_ms", "50"], capsys)
    finally:
        camera.close()
    assert found["camera"] is (kind == "good")
    assert "320x240, grey, " in text or kind != "good"
    assert said in text


def test_settings_that_the_camera_ignores_are_found(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = "camera.exposure: asked for 80, the camera has none"
    monkeypatch.setattr("edge.camera.opencv.apply_controls", lambda *_: (ignored,))
    camera = HttpCamera()
    try:
        arguments = ["--camera.kind", "stream", "--camera.url", camera.url, "--mqtt.enabled", "false"]
        _, found, text = findings(["--model", str(bundle), *arguments], capsys)
    finally:
        camera.close()
    assert found["camera"] is False
    assert ignored in text


def test_a_device_that_cannot_be_used_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "video0").touch()
    assert f"Video devices here: {tmp_path}/video0" in mend_device(tmp_path / "video7")
    assert "another program may hold it" in mend_device(tmp_path / "video0")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "sudo usermod -aG" in mend_device(tmp_path / "video0")


def test_a_folder_that_cannot_be_written_is_said_with_its_setting(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false", "--archive.path", "file/archive"]
    _, found, text = findings([*arguments, "--journal.path", "file/journal.sqlite"], capsys)
    assert (found["journal"], found["archive"]) == (False, False)
    assert f"journal.path: {tmp_path}/file: cannot be written" in text
    assert f"archive.path: {tmp_path}/file/archive: cannot be written" in text


@pytest.mark.parametrize("archive", ["", "kept/archive"])
def test_a_check_makes_nothing_and_names_the_whole_paths_it_looked_at(
    bundle: Path,
    tmp_path: Path,
    archive: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, elsewhere = tmp_path / "line", tmp_path / "elsewhere"
    line.mkdir()
    elsewhere.mkdir()
    bundle.rename(line / "part.tflite")
    file = line / "config.toml"
    file.write_text(
        f'[model]\npath = "part.tflite"\n[mqtt]\nenabled = false\n[archive]\npath = "{archive}"\n'
    )
    monkeypatch.chdir(elsewhere)
    assert main(["--check", "--config", "../line/config.toml"]) == 0
    text = capsys.readouterr().out
    assert f"{file}: valid; station station-1" in text
    assert f"{line}/part.tflite: " in text
    assert f"{line}/state/journal.sqlite: can be written; the first start makes it" in text
    assert not archive or f"{line}/{archive}: can be written" in text
    assert sorted(path.name for path in (*line.rglob("*"), *elsewhere.rglob("*"))) == [
        "config.toml",
        "part.tflite",
    ]


def test_a_check_neither_changes_nor_disturbs_the_journal_of_a_station(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = BrokerJournal(Path("journal.sqlite"), max_rows=1000)
    journal.append([Record(0.0, '{"id": "1"}')])
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false"]
    assert "1 verdicts wait" in findings(arguments, capsys)[2]
    journal.append([Record(0.0, '{"id": "2"}')])
    journal.close()
    Path("journal.sqlite").write_text("damaged" * 1000)
    _, found, text = findings(arguments, capsys)
    assert found["journal"] is False
    assert "journal.sqlite: cannot be read" in text
    assert [path.name for path in Path().glob("*aside*")] == []


def test_a_journal_of_an_earlier_release_is_no_fault(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = sqlite3.connect("journal.sqlite")
    database.executescript(FIRST_SCHEMA)
    database.close()
    content = Path("journal.sqlite").read_bytes()
    _, found, text = findings(["--model", str(bundle), "--mqtt.enabled", "false"], capsys)
    assert found["journal"] is True
    assert "of an earlier release (version 1); a station updates it when it starts" in text
    assert Path("journal.sqlite").read_bytes() == content


def test_a_journal_with_unsent_verdicts_of_another_station_is_said(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = BrokerJournal(Path("journal.sqlite"), max_rows=1000, station="left")
    journal.append([Record(0.0, '{"id": "1", "station": "left"}')])
    journal.close()
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false"]
    _, found, text = findings([*arguments, "--station.name", "right"], capsys)
    assert found["journal"] is False
    assert "is of station left, and station.name is right" in text
    assert findings([*arguments, "--station.name", "left"], capsys)[1]["journal"]
    Path("config.toml").write_text('[station]\nname = "right"\n[journal]\npath = "journal.sqlite"\n')
    asked = [sys.executable, "-m", "edge.cli.check_journal", "config.toml"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), (
        "nor does the installer change anything"
    )
    assert "is of station left, and station.name is right" in done.stderr
    with pytest.raises(SettingsError):  # nor does it start
        Recorder(
            Path("journal.sqlite"),
            JournalSettings(),
            station="right",
            alarm=lambda _name, _text: None,
        )


def test_a_full_disk_is_said(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false", "--alarms.disk_free_mb", "1e12"]
    status, found, text = findings(arguments, capsys)
    assert (status, found["disk"]) == (1, False)
    assert "or set journal.path and archive.path to another disk" in text


def test_the_disk_of_the_archive_counts_as_well(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    monkeypatch.setattr("edge.cli.check.free_bytes", lambda folder: 10**6 if folder == archive else 10**12)
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false", "--archive.path", str(archive)]
    _, found, text = findings(arguments, capsys)
    assert found["disk"] is False
    assert f"{archive}: 0.0 GB free" in text


def test_a_clock_that_is_not_synchronised_is_a_warning(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.cli.check.clock_is_synchronised", lambda: False)
    assert main(["--check", "--model", str(bundle), "--mqtt.enabled", "false"]) == 0
    assert "warn  clock       not synchronised" in capsys.readouterr().out
    assert clock_is_synchronised() in (True, False, None)


@pytest.mark.parametrize(
    "where",
    [
        'username = "line"\npassword = "sesame"\n',
        '[camera]\nkind = "snapshot"\nurl = "http://line:sesame@127.0.0.1:9/now.jpg"\n',
        '[camera]\nkind = "pipeline"\npipeline = "rtspsrc location=rtsp://127.0.0.1:9 user-pw=sesame"\n',
        '[camera]\nsource = "snapshot: http://line:sesame@127.0.0.1:9/now.jpg"\n',
    ],
)
def test_a_password_that_lies_open_is_said_without_showing_it(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    file = tmp_path / "line.toml"
    file.write_text(f"[mqtt]\nenabled = false\n{where}")
    arguments = ["--config", str(file), "--model", str(bundle)]
    file.chmod(0o644)
    _, found, text = findings(arguments, capsys)
    assert found["permissions"] is False
    assert f"chmod 600 {file}" in text
    assert "sesame" not in text
    file.chmod(0o600)
    assert findings(arguments, capsys)[1]["permissions"] is True


def test_a_key_that_anybody_may_read_is_said(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "station.key"
    key.touch(0o600)
    arguments = ["--model", str(bundle), "--mqtt.cert_file", "station.pem", "--mqtt.key_file", str(key)]
    arguments += ["--mqtt.enabled", "false"]
    assert findings(arguments, capsys)[1]["permissions"] is True
    key.chmod(0o604)
    _, found, text = findings(arguments, capsys)
    assert found["permissions"] is False
    assert f"chmod 640 {key}" in text


def test_a_bundle_that_anybody_may_change_is_said(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle.chmod(0o666)
    _, found, text = findings(["--model", str(bundle), "--mqtt.enabled", "false"], capsys)
    assert [thing for thing, works in found.items() if not works] == ["permissions"], "once"
    assert f"chmod 644 {bundle}" in text


def test_a_recipes_bundle_that_anybody_may_change_is_said_too(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    can, file = tmp_path / "can.tflite", tmp_path / "config.toml"
    can.write_bytes(bundle.read_bytes())
    can.chmod(0o666)
    file.write_text(f'[model]\npath = "{bundle}"\n[recipes.can]\nbundle = "{can}"\n')
    _, found, text = findings(["--config", str(file), "--mqtt.enabled", "false"], capsys)
    assert [thing for thing, works in found.items() if not works] == ["permissions"]
    assert f"chmod 644 {can}" in text


def test_a_bundle_whose_graph_ends_its_process_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deadly = store_deadly(tmp_path / "deadly.tflite")
    status, works, text = findings(["--model", str(deadly.path)], capsys)
    assert status == 1
    assert works["bundle"] is False
    assert re.search(r"deadly\.tflite: its graph ends the process that runs it \(SIG[A-Z]+\)", text)
    assert len(works) > 5, "the rest is still tried"


def test_settings_that_need_a_broker_and_have_none_are_said(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false", "--trigger.kind", "message"]
    _, found, text = findings(arguments, capsys)
    assert found["settings"] is False
    assert "mqtt.enabled: false" in text


def test_a_gate_through_which_parts_pass_while_the_station_is_dead_is_a_warning(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(bundle), "--mqtt.enabled", "false", "--journal.path", "journal.sqlite"]
    assert main(["--check", *arguments]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " gate " in line)
    assert line.startswith("warn")
    assert "while the station or its broker is down every part passes" in line
    assert main(["--check", *arguments, "--gate.mode", "reject-unless-ok"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if " gate " in line)
    assert line == "ok    gate        only parts that were found ok pass"
