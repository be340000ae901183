"""The live loop and a camera that only a new process can have again."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import edge.station.app
from edge.__main__ import EXIT_NEW_PROCESS, load_inspector, main
from edge.camera.depth import Depth
from edge.core.errors import SettingsError
from edge.deployment.deployment import Deployment
from edge.outputs.named import Wiring, make_outputs
from edge.outputs.output import Output
from edge.settings.camera import CameraSettings
from edge.settings.load_settings import load_settings


def test_a_camera_that_hangs_for_good_ends_the_process_with_its_own_status(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    release, left = threading.Event(), list[int]()

    def hanging(_settings: CameraSettings, _depth: Depth) -> None:
        release.wait(30)

    monkeypatch.setattr(edge.station.app, "open_camera", hanging)
    monkeypatch.setattr("edge.camera.guard.HANG_GRACE_S", 0.1)
    monkeypatch.setattr(os, "_exit", left.append)
    limits = ["--camera.open_timeout_ms", "100", "--camera.hung_s", "1", "--camera.reopen_max_ms", "100"]
    main(["--model", str(bundle), "--mqtt.enabled", "false", "--camera.kind", "device", *limits])
    release.set()
    assert left == [EXIT_NEW_PROCESS] == [3]
    assert "systemd starts a new one" in capfd.readouterr().err


def test_a_source_that_can_never_be_opened_stops_the_start(bundle: Path) -> None:
    flags = {
        "camera.kind": "file",
        "camera.path": "no/such/folder",
        "model.path": str(bundle),
        "mqtt.enabled": "false",
    }
    settings = load_settings(None, flags)
    with pytest.raises(SettingsError, match=r"camera\.path"):
        edge.station.app.App(Deployment(settings, load_inspector(settings)))


@pytest.mark.parametrize("request_", ["request_stop", "request_reload"])
def test_a_signal_that_comes_while_another_is_handled_hangs_nothing(bundle: Path, request_: str) -> None:
    """As Python does it: the second handler runs in the midst of the first, on the same thread."""
    settings = load_settings(None, {"model.path": str(bundle), "mqtt.enabled": "false"})
    app = edge.station.app.App(Deployment(settings, load_inspector(settings)))
    handle = getattr(app, request_)
    again: list[FrameType] = []

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any] | None:
        if event == "line" and len(again) < 20:
            again.append(frame)
            handle()
        return trace

    def handled() -> None:
        sys.settrace(trace)
        handle()
        sys.settrace(None)

    signals = threading.Thread(target=handled, daemon=True)
    signals.start()
    signals.join(20)
    assert not signals.is_alive()
    app.station.stop(drain_s=0)


@pytest.mark.parametrize("source", ["simulated", "folder", "file"])
def test_what_no_camera_sees_is_marked_simulated_in_every_command(
    bundle: Path, parts: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored pictures show no part that lies on the belt now: a gate must not act on them."""
    film = Path("film.avi")
    film.touch()
    places = {
        "simulated": {},
        "folder": {"camera.path": str(parts / "ok")},
        "file": {"camera.path": str(film)},
    }
    kind = "simulated" if source == "simulated" else "file"
    flags = {"model.path": str(bundle), "mqtt.enabled": "false", "camera.kind": kind, **places[source]}
    settings = load_settings(None, flags)
    marks = list[bool]()

    def note(wiring: Wiring) -> list[Output]:
        marks.append(wiring.simulated)
        return make_outputs(wiring)

    monkeypatch.setattr("edge.station.app.make_outputs", note)
    edge.station.app.App(Deployment(settings, load_inspector(settings))).station.stop(drain_s=0)
    assert marks == [True]


def test_a_start_says_what_passes_while_the_station_is_dead(
    bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    flags = {
        "model.path": str(bundle),
        "mqtt.enabled": "false",
        "camera.count": "1",
        "camera.replay_fps": "100",
    }
    settings = load_settings(None, flags)
    edge.station.app.App(Deployment(settings, load_inspector(settings))).run()
    said = [record.message for record in caplog.records if "every part passes" in record.message]
    assert len(said) == 1
    assert said[0].startswith("gate.mode")
