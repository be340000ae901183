"""`edge init`: asks, tries, and writes a settings file that a station starts with."""

import builtins
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.__main__ import main
from edge.core.images import read_image
from edge.settings.load_settings import load_settings
from testing.brokers import free_port
from tests.conftest import StartBroker


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "line").mkdir()
    monkeypatch.chdir(tmp_path / "line")


class Person:
    """Answers the questions at a terminal, each by how it begins; all others with Enter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {question: iter(texts) for question, texts in answers.items()}
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(builtins, "input", self._answer)
        monkeypatch.setattr(getpass, "getpass", self._answer)

    def _answer(self, question: str) -> str:
        self.asked.append(question)
        none: Iterator[str] = iter(())
        known = next((texts for begin, texts in self._answers.items() if question.startswith(begin)), none)
        return next(known, "")


def test_flags_alone_make_a_file_that_says_what_differs(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [
        "--model",
        str(bundle),
        "--camera.seed",
        "7",
        "--gate.travel_ms",
        "650",
        "--mqtt.enabled",
        "false",
    ]
    flags += ["--gate.mode", "reject-unless-ok", "--trigger.kind", "line-crossing"]
    flags += ["--trigger.region", '{"x": 8, "y": 8, "width": 100, "height": 90}']
    assert main(["init", *flags]) == 0
    text = Path("config.toml").read_text("utf-8")
    names = [line.partition(" = ")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert names == [
        *("station.name", "camera.kind", "trigger.kind", "gate.travel_ms", "mqtt.host"),
        *("camera.seed", "trigger.region", "model.path", "gate.mode", "mqtt.enabled"),
    ]
    settings = load_settings(Path("config.toml"), {})
    assert settings == load_settings(None, {flags[at][2:]: flags[at + 1] for at in range(2, len(flags), 2)}
                                     | {"model.path": str(bundle)})  # fmt: skip
    assert "next: edge --check --config config.toml" in capsys.readouterr().out
    assert read_image(Path("first-picture.png")).shape == (240, 240)


def test_what_is_there_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text("# mine\n")
    assert main(["init"]) == 2
    assert "config.toml: is there already and stays as it is" in capsys.readouterr().err
    assert main(["init", "--config", "nowhere/config.toml"]) == 2
    assert "there is no folder nowhere" in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["config.toml"]
    assert Path("config.toml").read_text() == "# mine\n"


def test_pictures_that_are_there_are_kept(bundle: Path) -> None:
    Path("first-picture.png").write_bytes(b"mine")
    flags = ["--model", str(bundle), "--mqtt.enabled", "false"]
    assert main(["init", *flags]) == 0
    assert Path("first-picture.png").read_bytes() == b"mine"
    assert Path("first-picture-2.png").exists()


def test_a_wrong_setting_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--gate.travel_ms", "soon"]) == 2
    assert "gate.travel_ms" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_what_does_not_work_yet_is_said_and_written(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--camera.kind", "device", "--camera.device", "/dev/video77", "--mqtt.port", str(free_port())]
    assert main(["init", "--model", "absent.tflite", *flags]) == 1
    text = capsys.readouterr().out
    assert "there is no /dev/video77; is the camera plugged in?" in text
    assert text.count("FAIL") == 3
    assert load_settings(Path("config.toml"), {}).camera.kind == "device"


def test_a_person_is_asked_and_each_answer_is_tried_until_it_works(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(
        monkeypatch,
        {
            "Name": ["line 7", "line-7"],
            "Camera": ["/dev/video77", "simulated"],
            "Bundle": ["absent.tflite", str(bundle)],
            "Broker": [f"127.0.0.1:{free_port()}"],
        },
    )
    assert main(["init"]) == 0
    begins = [question.split(":")[0].split(" [")[0] for question in person.asked]
    assert begins == [
        *("Name of the station, as it stands in topics",) * 2, *("Camera",) * 2, "A part is here when",
        *("Bundle that decides",) * 2, "Gate", "Milliseconds from the camera to the ejector", "Broker",
        "User at the broker, or nothing",
    ]  # fmt: skip
    text = capsys.readouterr().out
    assert "FAIL  --station.name: " in text
    assert "FAIL  camera" in text
    assert "FAIL  bundle" in text
    settings = load_settings(Path("config.toml"), {})
    assert (settings.station.name, settings.camera.kind, settings.gate.mode) == (
        "line-7", "simulated", "reject-unless-ok",
    )  # fmt: skip


def test_an_answer_that_does_not_work_yet_can_be_kept(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Person(monkeypatch, {"Camera": ["/dev/video77", ""], "Bundle": [str(bundle)]})
    assert main(["init", "--mqtt.enabled", "false"]) == 0
    assert 'camera.device = "/dev/video77"' in Path("config.toml").read_text()


def test_input_that_ends_writes_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: str) -> str:
        raise EOFError

    Person(monkeypatch, {})
    monkeypatch.setattr(builtins, "input", ended)
    assert main(["init"]) == 2
    assert "nothing is written" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("camera", ["rtsp://look:sesame@127.0.0.1:9/1", "pipeline"])
def test_a_password_is_for_its_owner_alone(bundle: Path, camera: str) -> None:
    given = {
        "pipeline": ["--camera.kind", "pipeline", "--camera.pipeline", "rtspsrc user-pw=sesame ! appsink"],
    }.get(camera, ["--camera.kind", "stream", "--camera.url", camera, "--camera.open_timeout_ms", "100"])
    assert main(["init", "--model", str(bundle), "--mqtt.enabled", "false", *given]) == 1
    assert Path("config.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.broker
def test_the_password_of_the_broker_is_asked_for_and_tried(
    mosquitto_broker: StartBroker,
    bundle: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = mosquitto_broker(passwords={"line": "sesame"})
    answers = {
        "Broker": [f"{broker.host}:{broker.port}"],
        "User": ["line"],
        "Password": ["sesame"],
        "Encryption": ["off"],
    }
    Person(monkeypatch, {"Bundle": [str(bundle)], "Camera": ["simulated"], **answers})
    assert main(["init"]) == 0
    text = capsys.readouterr().out
    assert text.index("FAIL  broker") < text.index("ok    broker"), "encrypted first"
    assert "sesame" not in text
    assert 'mqtt.tls = "off"' in Path("config.toml").read_text()
    assert Path("config.toml").stat().st_mode & 0o777 == 0o600
