"""Whatever happens, no secret of the settings stands in what a station says, publishes or stores."""

import base64
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from testing.brokers import MosquittoBroker
from testing.rigs.sources import HttpCamera
from testing.stations import EdgeProcess, Watcher

pytestmark = pytest.mark.broker
SECRETS = {
    "mqtt password": "hunter2/öl",
    "camera password": "sesame street",
    "camera token": "t0ken",
    "key": "k3y",
}


def found_in(text: str) -> list[str]:
    """Which secrets stand in a text, as they are or as they travel."""
    login = base64.b64encode(f"operator:{SECRETS['camera password']}".encode()).decode()
    return [
        name
        for name, secret in SECRETS.items()
        if any(form in text for form in (secret, quote(secret), repr(secret)[1:-1], login))
    ]


@pytest.fixture
def camera() -> Iterator[HttpCamera]:
    camera = HttpCamera()
    yield camera
    camera.close()


@pytest.fixture
def start(
    bundle: Path, camera: HttpCamera, broker: MosquittoBroker, edge_process: Callable[..., EdgeProcess],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> Callable[..., EdgeProcess]:  # fmt: skip
    """Starts a daemon with a secret in every place that takes one, and says all that it can."""
    key = tmp_path / "line.key"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{SECRETS['key']}\n")
    login = f"operator:{quote(SECRETS['camera password'])}@"
    source = camera.url.replace("://", f"://{login}") + f"?token={SECRETS['camera token']}"
    monkeypatch.setenv("EDGE_CAMERA__KIND", "stream")
    monkeypatch.setenv("EDGE_CAMERA__URL", source)
    monkeypatch.setenv("EDGE_MQTT__PASSWORD", SECRETS["mqtt password"])

    def start(*more: str) -> EdgeProcess:
        return edge_process(
            "--config", "/dev/null", "--model", str(bundle), "--log.level", "debug",
            "--mqtt.username", "line", "--mqtt.tls", "off", "--mqtt.port", str(broker.port),
            "--camera.settle_ms", "50", "--camera.stall_ms", "500", "--camera.reopen_max_ms", "200",
            "--camera.open_timeout_ms", "1000", "--journal.path", str(tmp_path / "stored" / "journal.sqlite"),
            "--archive.path", str(tmp_path / "stored" / "archive"), "--archive.ok_share", "1", *more,
        )  # fmt: skip

    return start


def test_a_station_that_loses_its_camera_and_its_broker_keeps_its_secrets(
    start: Callable[..., EdgeProcess], camera: HttpCamera, broker: MosquittoBroker, tmp_path: Path
) -> None:
    watcher = Watcher(broker, "#")
    running = start()
    assert watcher.wait_for(lambda: bool(watcher.of("verdict")))
    camera.kill()
    assert watcher.wait_for(lambda: any(message["state"] == "fault" for message in watcher.of("status")))
    broker.restart()
    camera.switch_on()
    assert watcher.wait_for(lambda: watcher.of("status")[-1]["state"] in ("ready", "running"), seconds=60)
    running.process.send_signal(signal.SIGTERM)
    out, said = running.process.communicate(timeout=30)
    published = "".join(f"{topic} {message}" for topic, message, _ in watcher.messages)
    watcher.close()
    files = [file for file in (tmp_path / "stored").rglob("*") if file.is_file()]
    stored = "".join(str(file) + file.read_text(errors="replace") for file in files)
    assert {file.suffix for file in files} >= {".sqlite", ".png"}
    assert "lost the broker" in said, "or this test sees nothing"
    assert "127.0.0.1" in published + said
    assert found_in(out + said + published + stored) == []


@pytest.mark.parametrize("more", [("--check",), ("--check", "--json")])
def test_a_check_of_everything_keeps_the_secrets(
    start: Callable[..., EdgeProcess], more: tuple[str, ...]
) -> None:
    out, said = start(*more).process.communicate(timeout=60)
    assert "broker" in out
    assert found_in(out + said) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("--mqtt.port", "none"),
        ("--mqtt.username", ""),
        ("--mqtt.host", f"mqtt://line:{SECRETS['mqtt password']}@10.0.0.5"),
        ("--mqtt.tls", SECRETS["mqtt password"] + "@"),
        ("--camera.url", f"rtsp:/operator:{SECRETS['camera password']}@10.0.0.5"),
        ("--camera.kind", "pipeline", "--camera.pipeline", f"rtspsrc user-pw={SECRETS['camera token']} ! x"),
    ],
)
def test_settings_that_are_refused_are_named_without_the_secrets(
    start: Callable[..., EdgeProcess], wrong: tuple[str, ...]
) -> None:
    running = start(*wrong)
    out, said = running.process.communicate(timeout=30)
    assert running.process.returncode == 2
    assert wrong[0].removeprefix("--").split(".")[0] in said
    assert found_in(out + said) == []


def test_a_key_that_cannot_be_used_is_named_and_not_shown(
    start: Callable[..., EdgeProcess], tmp_path: Path
) -> None:
    key = str(tmp_path / "line.key")
    out, said = start(
        "--check", "--mqtt.tls", "on", "--mqtt.cert_file", key, "--mqtt.key_file", key
    ).process.communicate(timeout=60)
    assert "mqtt.cert_file" in out + said
    assert found_in(out + said) == []
