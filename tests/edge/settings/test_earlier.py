"""Settings of version 0.1, as it wrote and read them."""

import os
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.core.errors import SettingsError
from edge.settings.load_settings import load_settings

EARLIER = """
[camera]
source = "{source}"
rate = 7.5
exposure = 80
seed = 3
[trigger]
kind = "{trigger}"
frames = 1
delay_ms = 3.0
direction = "left"
line = 0.6
input_chip = "/dev/gpiochip1"
input_line = 4
input_edge = "falling"
input_debounce_ms = 2.0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


@pytest.mark.parametrize(
    ("source", "camera"),
    [
        ("simulated", {"kind": "simulated", "replay_fps": 7.5, "seed": 3}),
        ("0", {"kind": "device", "device": "0", "exposure": 80}),
        ("/dev/v4l/by-id/usb-cam", {"kind": "device", "device": "/dev/v4l/by-id/usb-cam"}),
        ("rtsp://10.0.0.5/line.jpg", {"kind": "stream", "url": "rtsp://10.0.0.5/line.jpg"}),
        ("http://10.0.0.5/mjpg", {"kind": "stream", "url": "http://10.0.0.5/mjpg"}),
        ("https://u:p@cam/still.PNG?size=2", {"kind": "snapshot", "url": "https://u:p@cam/still.PNG?size=2"}),
        ("snapshot: http://cam/still?n=1", {"kind": "snapshot", "url": "http://cam/still?n=1"}),
        ("gstreamer: a ! appsink", {"kind": "pipeline", "pipeline": "a ! appsink"}),
        ("/photographs/line.mp4", {"kind": "file", "path": "/photographs/line.mp4", "replay_fps": 7.5}),
    ],
)
def test_each_source_is_read_as_its_kind(
    file: Path, source: str, camera: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    file.write_text(EARLIER.format(source=source, trigger="frame"))
    read = load_settings(file, {})
    assert {key: getattr(read.camera, key) for key in camera} == camera
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    said = caplog.messages[0]
    assert f'camera.source is camera.kind = "{camera["kind"]}"' in said
    assert "camera.rate is camera.replay_fps" in said
    assert "u:p" not in said


@pytest.mark.parametrize(
    ("kind", "trigger"),
    [
        ("frame", {"kind": "free-run"}),
        ("seen", {"kind": "line-crossing", "line_position": 0.6, "direction": "left"}),
        ("message", {"kind": "message", "delay_ms": 3.0}),
        (
            "input",
            {"kind": "input", "chip": "/dev/gpiochip1", "line": 4, "edge": "falling", "debounce_ms": 2.0},
        ),
    ],
)
def test_each_trigger_is_read_as_its_kind_without_the_keys_of_the_others(
    file: Path, kind: str, trigger: dict[str, object]
) -> None:
    file.write_text(EARLIER.format(source="simulated", trigger=kind))
    read = load_settings(file, {}).trigger
    assert {key: getattr(read, key) for key in trigger} == trigger


def test_variables_and_credentials_of_before_are_read_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "linegate_camera.source").write_text("rtsp://line:sesame@10.0.0.5/line")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("EDGE_TRIGGER__KIND", "seen")
    read = load_settings(None, {})
    assert read.camera.kind == "stream"
    assert read.camera.url == "rtsp://line:sesame@10.0.0.5/line"
    assert read.trigger.kind == "line-crossing"
    assert "credential linegate_" in caplog.text
    assert "EDGE_" in caplog.text
    assert "sesame" not in caplog.text


def test_flags_of_before_are_read_as_well(
    parts: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--camera.source", str(parts), "--camera.rate", "20", "--trigger.kind", "frame"]
    main(["--check", "--config", os.devnull, "--model", str(bundle), "--mqtt.port", "1", *flags])
    (camera,) = [line for line in capsys.readouterr().out.splitlines() if line.split()[1] == "camera"]
    assert camera.startswith(f"ok    camera      {parts}")


def test_settings_of_now_are_read_without_a_word(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_text('trigger.kind = "input"\ntrigger.line = 4\ncamera.kind = "device"\n')
    read = load_settings(file, {})
    assert read.trigger.kind == "input"
    assert read.trigger.line == 4
    assert caplog.messages == []


def test_what_is_wrong_in_settings_of_before_is_named_as_it_is_called_now(file: Path) -> None:
    file.write_text("[camera]\nrate = -5\n")
    with pytest.raises(SettingsError, match=r"settings\.toml: camera\.replay_fps: input should be greater"):
        load_settings(file, {})
