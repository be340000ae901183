"""The Node-RED flow of samples/node-red, run by Node-RED itself against a daemon and a mosquitto.

Only the broker's port in it is changed. Buttons are pressed through Node-RED's own HTTP interface.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from testing.brokers import MosquittoBroker, free_port
from testing.nodes import node_modules
from testing.stations import EdgeProcess, Watcher

pytestmark = pytest.mark.broker
ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "docs" / "reference" / "schemas"
FLOW = ROOT / "samples" / "node-red" / "flow.json"
STATION, PLC = "inspection/station-1", "plc/station-1"
SETTINGS = """
module.exports = {
    uiHost: "127.0.0.1", flowFile: "flow.json", credentialSecret: false, telemetry: { enabled: false },
    externalModules: { autoInstall: false, palette: { allowInstall: false } },
    logging: { console: { level: "warn" } },
};
"""


def _is_answered(request: urllib.request.Request) -> bool:
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.URLError:
        return False
    return True


class NodeRed:
    """Node-RED with the flow, and a client that hears what it and the station say.

    ``act_on_simulated`` is the flow's own setting, for a station whose pictures are stored ones.
    """

    def __init__(self, broker: MosquittoBroker, folder: Path, *, act_on_simulated: bool) -> None:
        modules = node_modules("node-red")
        self.watcher = Watcher(broker, "#")
        self._port = free_port()
        flow = json.loads(FLOW.read_text("utf-8"))
        for node in flow:
            if node["type"] == "mqtt-broker":
                node["port"] = str(broker.port)
            for entry in node.get("env", []):
                entry["value"] = str(act_on_simulated).lower()
        folder.mkdir()
        (folder / "flow.json").write_text(json.dumps(flow))
        (folder / "settings.js").write_text(SETTINGS)
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            ["node", modules / "node-red" / "red.js", "--userDir", folder, "--port", str(self._port)],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env={**os.environ, "TZ": "Asia/Kolkata"},
        )  # fmt: skip

    def press(self, button: str) -> None:
        """Press the button of an inject node, as soon as Node-RED is there."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/inject/{button}", method="POST")
        assert self.watcher.wait_for(lambda: _is_answered(request), seconds=60), self.said()

    def said(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [message for name, message, _ in list(self.watcher.messages) if name == topic]

    def last(self, topic: str) -> dict[str, Any] | None:
        messages = self.of(topic)
        return messages[-1] if messages else None

    def wait(self, condition: Callable[[], bool]) -> None:
        assert self.watcher.wait_for(condition, seconds=60), self.said()

    def tell(self, topic: str, message: dict[str, Any]) -> None:
        """Publish something as a station would."""
        self.watcher.client.publish(topic, json.dumps(message), qos=1).wait_for_publish(10)

    def is_red(self, *reasons: str) -> bool:
        lamp = self.last(f"{PLC}/lamp")
        return lamp is not None and lamp["red"] == bool(reasons) and lamp["reasons"] == list(reasons)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self.watcher.close()


@pytest.fixture
def node_red(request: pytest.FixtureRequest, broker: MosquittoBroker, tmp_path: Path) -> Iterator[NodeRed]:
    stored = "station" in request.fixturenames
    node_red = NodeRed(broker, tmp_path / "node-red", act_on_simulated=stored)
    yield node_red
    node_red.close()


@pytest.fixture
def station(
    node_red: NodeRed,
    bundle: Path,
    broker: MosquittoBroker,
    edge_process: Callable[..., EdgeProcess],
    tmp_path: Path,
) -> EdgeProcess:
    """A station that takes its parts from messages, and whose camera shows a dark one for minutes."""
    folder = tmp_path / "dark"
    folder.mkdir()
    cv2.imwrite(
        str(folder / "0.png"), np.random.default_rng(1).normal(50, 10, (64, 64)).clip(0, 255).astype(np.uint8)
    )
    for number in range(1, 4000):
        (folder / f"{number}.png").hardlink_to(folder / "0.png")
    running = edge_process(
        "--config", "/dev/null", "--model", str(bundle), "--mqtt.port", str(broker.port),
        "--camera.kind", "file", "--camera.path", str(folder),
        "--camera.replay_fps", "20", "--camera.max_age_ms", "5000",
        "--trigger.kind", "message", "--trigger.timeout_ms", "4000",
        "--gate.travel_ms", "3000", "--gate.window_ms", "1000", "--gate.min_gap_ms", "1000",
        "--gate.pulse_ms", "300", "--gate.confirm_ms", "100",
        "--journal.path", str(tmp_path / "journal.sqlite"),
    )  # fmt: skip
    node_red.wait(node_red.is_red)
    return running


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def has_part(message: dict[str, Any]) -> bool:
    """Not for parts that nobody saw, as right after the start."""
    part = message.get("part")
    return part is not None and not part.startswith("unseen")


def command(**changed: Any) -> dict[str, Any]:
    """A reject as a station sends it, due now."""
    due = datetime.fromtimestamp(time.time()).astimezone()
    until = datetime.fromtimestamp(time.time() + 20).astimezone()
    return {
        "schema": "linegate.gate-command.v1", "station": "station-1", "simulated": False, "id": "c1",
        "part": "B-1", "action": "reject", "due_at": due.isoformat(), "due_in_ms": 0, "due_count": None,
        "pulse_ms": 50, "valid_until": until.isoformat(), "reason": None, **changed,
    }  # fmt: skip


@pytest.mark.slow
def test_a_part_is_triggered_rejected_in_time_counted_once_and_its_alarm_lights_the_lamp(
    node_red: NodeRed, station: EdgeProcess
) -> None:
    node_red.press("button-part")
    node_red.wait(lambda: any(has_part(message) for message in node_red.of(f"{PLC}/ejector")))
    (sent,) = filter(has_part, node_red.of(f"{STATION}/reject"))
    (on,) = filter(has_part, node_red.of(f"{PLC}/ejector"))
    assert on["part"] == sent["part"]
    assert moment(sent["due_at"]) <= moment(on["at"]) <= moment(sent["valid_until"])
    node_red.wait(lambda: node_red.last(f"{PLC}/ejector") == {"on": False})

    (verdict,) = node_red.of(f"{STATION}/verdict")
    assert verdict["part"] == sent["part"]
    node_red.tell(f"{STATION}/verdict", verdict)  # at least once: it may come again
    node_red.press("button-part")
    node_red.wait(lambda: len(node_red.of(f"{STATION}/verdict")) == 3)
    node_red.tell(f"{STATION}/verdict", {**verdict, "id": "another", "verdict": "ok"})
    node_red.wait(lambda: node_red.last(f"{PLC}/counts") == {"ok": 1, "defect": 2, "unsure": 0, "fault": 0})

    node_red.wait(lambda: node_red.is_red("a rejected part was not seen in the bin"))
    (alarm, *_) = node_red.of(f"{STATION}/alarm")
    node_red.tell(f"{STATION}/alarm", {**alarm, "raised": False})
    node_red.wait(node_red.is_red)

    for topic, message, _ in node_red.watcher.messages:
        if topic.startswith(STATION) and "schema" in message:
            schema = json.loads((SCHEMAS / f"{message['schema']}.json").read_text("utf-8"))
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(message)


@pytest.mark.slow
def test_commands_are_answered_and_the_lamp_tells_the_state(node_red: NodeRed, station: EdgeProcess) -> None:
    for number, (button, reasons) in enumerate(
        [("button-stop", ["stopped: by command"]), ("button-start", []), ("button-reset", [])], start=1
    ):
        node_red.press(button)
        node_red.wait(lambda number=number: len(node_red.of(f"{PLC}/answer")) == number)  # type: ignore[misc]
        answer = node_red.of(f"{PLC}/answer")[-1]
        assert (answer["done"], answer["error"]) == (True, None)
        assert answer["id"].startswith("node-red-")
        node_red.wait(lambda reasons=reasons: node_red.is_red(*reasons))  # type: ignore[misc]
    station.process.kill()
    node_red.wait(lambda: node_red.is_red("offline: the connection was lost"))
    node_red.press("button-reset")
    node_red.wait(lambda: len(node_red.of(f"{PLC}/answer")) == 4)
    assert node_red.of(f"{PLC}/answer")[-1]["error"] == "no answer within 5 s"


@pytest.mark.slow
def test_the_ejector_moves_for_no_command_that_is_late_simulated_or_said_anew(
    node_red: NodeRed, broker: MosquittoBroker
) -> None:
    running = {"schema": "linegate.status.v1", "state": "running", "reason": None}
    node_red.watcher.client.publish(f"{STATION}/status", json.dumps(running), qos=1, retain=True)
    node_red.wait(node_red.is_red)
    past = datetime.fromtimestamp(time.time() - 5).astimezone().isoformat()
    soon = datetime.fromtimestamp(time.time() + 60).astimezone().isoformat()
    node_red.tell(f"{STATION}/reject", command(part="late", due_at=past, valid_until=past))
    node_red.tell(f"{STATION}/reject", command(part="drawn", simulated=True))
    node_red.tell(f"{STATION}/reject", command(part="moved", due_at=soon, valid_until=soon))
    node_red.tell(f"{STATION}/reject", command(part="moved", id="c2"))
    node_red.wait(lambda: node_red.last(f"{PLC}/ejector") == {"on": False})
    node_red.tell(f"{STATION}/reject", command(part=None, id="c3"))
    node_red.wait(lambda: len(node_red.of(f"{PLC}/ejector")) == 4)
    moved = [message["part"] for message in node_red.of(f"{PLC}/ejector") if message["on"]]
    assert moved == ["moved", "unseen c3"]
    missed = {message["part"]: message["why"] for message in node_red.of(f"{PLC}/missed")}
    assert missed == {"late": "late", "drawn": "simulated"}
