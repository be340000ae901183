"""The live loop and a camera that only a new process can have again."""

import os
import threading
from pathlib import Path

import pytest

import edge.line
from edge.__main__ import EXIT_NEW_PROCESS, load_inspector, main
from edge.changes.served import Served
from edge.errors import SettingsError
from edge.settings import CameraSettings, load_settings


def test_a_camera_that_hangs_for_good_ends_the_process_with_its_own_status(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    release, left = threading.Event(), list[int]()

    def hanging(_settings: CameraSettings) -> None:
        release.wait(30)

    monkeypatch.setattr(edge.line, "open_camera", hanging)
    monkeypatch.setattr("edge.camera.guard.HANG_GRACE_S", 0.1)
    monkeypatch.setattr(os, "_exit", left.append)
    limits = ["--camera.open_timeout_ms", "100", "--camera.hung_s", "1", "--camera.reopen_max_ms", "100"]
    main(["--model", str(bundle), "--mqtt.enabled", "false", "--camera.source", "0", *limits])
    release.set()
    assert left == [EXIT_NEW_PROCESS] == [3]
    assert "systemd starts a new one" in capfd.readouterr().err


def test_a_source_that_can_never_be_opened_stops_the_start(bundle: Path) -> None:
    flags = {"camera.source": "no/such/folder", "model.path": str(bundle), "mqtt.enabled": "false"}
    settings = load_settings(None, flags)
    with pytest.raises(SettingsError, match=r"camera\.source"):
        edge.line.Line(Served(settings, load_inspector(settings)))
