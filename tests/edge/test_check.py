"""`edge --check` tries everything outside once."""

import json
from pathlib import Path

import pytest

from edge.__main__ import main
from tests.brokers import MosquittoBroker


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
    assert found == dict.fromkeys(("settings", "bundle", "camera", "journal", "broker"), True)
    assert "MQTT 5" in text


def test_each_thing_that_does_not_work_is_said_and_the_rest_is_still_tried(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = ["--model", "absent.tflite", "--camera.source", "/dev/video99", "--mqtt.port", "1"]
    status, found, text = findings(away, capsys)
    assert status == 1
    assert found == {"settings": True, "bundle": False, "camera": False, "journal": True, "broker": False}
    assert "absent.tflite" in text
    assert "/dev/video99" in text


def test_a_password_in_a_camera_url_is_not_shown(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "rtsp://operator:secret@127.0.0.1:9/line?token=hidden"
    arguments = ["--model", str(bundle), "--camera.source", url, "--camera.open_timeout_ms", "500"]
    _, found, text = findings([*arguments, "--mqtt.enabled", "false"], capsys)
    assert found["camera"] is False
    assert "127.0.0.1:9/line" in text
    assert "secret" not in text
    assert "hidden" not in text
