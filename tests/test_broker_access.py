"""The broker of samples/mosquitto lets each station, PLC and screen do its own part, and nothing else."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.outputs.mqtt.requests import REQUESTS
from edge.outputs.mqtt.topics import Topics
from testing.brokers import MosquittoBroker, find_mosquitto, password_line
from testing.certificates import Authority
from testing.stations import EdgeProcess

pytestmark = pytest.mark.broker
SAMPLE = Path(__file__).parents[1] / "samples" / "mosquitto"
USERS = ("station-1", "station-2", "plc-1", "viewer")


class SampleBroker(MosquittoBroker):
    """The sample as it is, in a folder and on a port of this test."""

    def _config_text(self) -> str:
        text = (SAMPLE / "linegate.conf").read_text()
        text = text.replace("/etc/mosquitto/linegate", str(self._folder))
        return f"user root\nlog_dest stderr\nlog_type all\n{text}".replace("8883", f"{self.port} {self.host}")


class Client:
    """Somebody on the broker, logged in under a name, who notes what is said to all stations."""

    def __init__(self, broker: MosquittoBroker, authority: Path, user: str, password: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.reason: str | None = None
        self._answered, self._subscribed = threading.Event(), threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(ssl.create_default_context(cafile=str(authority)))
        self._client.username_pw_set(user, password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._answered.wait(10)

    def _connected(
        self, client: paho.Client, _data: object, _flags: object, reason: Any, _props: object
    ) -> None:
        self.reason = str(reason)
        self._answered.set()
        client.subscribe("#", qos=1)

    def say(self, topic: str, content: Any, *, retain: bool = False) -> None:
        """Return when the broker acknowledged it, which it also does with what it throws away."""
        self._client.publish(topic, json.dumps(content), qos=1, retain=retain).wait_for_publish(10)

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for name, payload in list(self.heard) if name == topic]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.topics()
            time.sleep(0.02)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Cell:
    """The broker, who is on it, and how to get on."""

    def __init__(self, folder: Path) -> None:
        program = find_mosquitto()
        if program is None:
            pytest.skip("mosquitto is not installed")
        authority = Authority(folder)
        authority.issue("broker")
        self.authority = authority.certificate
        (folder / "acl").write_text((SAMPLE / "acl").read_text())
        (folder / "passwords").write_text("".join(password_line(user, f"{user}-secret") for user in USERS))
        for private in ("acl", "passwords"):
            (folder / private).chmod(0o600)
        self.broker = SampleBroker(program, folder)
        self.broker.start()
        self._clients: list[Client] = []

    def join(self, user: str, password: str | None = None) -> Client:
        self._clients.append(
            Client(self.broker, self.authority, user, password if password is not None else f"{user}-secret")
        )
        return self._clients[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.broker.stop()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Cell]:
    line = Cell(tmp_path)
    yield line
    line.close()


@pytest.fixture
def station(
    line: Cell,
    bundle: Path,
    edge_process: Callable[..., EdgeProcess],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> EdgeProcess:
    """station-1, which takes its parts from messages."""
    monkeypatch.setenv("EDGE_MQTT__PASSWORD", "station-1-secret")
    return edge_process(
        "--config", "/dev/null", "--model", str(bundle), "--mqtt.port", str(line.broker.port),
        "--mqtt.username", "station-1", "--mqtt.ca_file", str(line.authority),
        "--trigger.kind", "message", "--trigger.timeout_ms", "4000", "--gate.travel_ms", "8000",
        "--camera.replay_fps", "20", "--camera.size", "64", "--camera.max_age_ms", "5000",
        "--mqtt.bits", "true",
        "--recipe.ok_below", "0", "--recipe.defect_from", "0",
        "--journal.path", str(tmp_path / "journal.sqlite"),
    )  # fmt: skip


def is_ready(client: Client) -> bool:
    return any(message["state"] == "ready" for message in client.of("inspection/station-1/status"))


def test_a_station_its_plc_and_a_screen_do_their_work(line: Cell, station: EdgeProcess) -> None:
    plc, viewer = line.join("plc-1"), line.join("viewer")
    viewer.wait_for(lambda: is_ready(viewer))
    plc.say("inspection/station-1/trigger", {"part": "A-1"})
    plc.wait_for(lambda: bool(plc.of("inspection/station-1/reject")))
    plc.say("inspection/station-1/command", {"id": "1", "command": "reset"})
    plc.wait_for(lambda: bool(plc.of("inspection/station-1/response")))
    viewer.wait_for(lambda: bool(viewer.of("inspection/station-1/verdict")))
    assert [message["part"] for message in viewer.of("inspection/station-1/verdict")] == ["A-1"]
    assert {"status", "bits"} <= {topic.rsplit("/", 1)[1] for topic in viewer.topics()}


def test_nobody_else_moves_the_station(line: Cell, station: EdgeProcess) -> None:
    """Neither another station, nor a screen, nor the station itself under its own login."""
    plc = line.join("plc-1")
    plc.wait_for(lambda: is_ready(plc))
    for user in ("station-2", "viewer", "station-1"):
        other = line.join(user)
        for kind in REQUESTS:
            other.say(f"inspection/station-1/{kind}", {"part": f"by-{user}", "id": user, "command": "stop"})
    plc.say("inspection/station-1/trigger", {"part": "A-1"})
    plc.wait_for(lambda: bool(plc.of("inspection/station-1/verdict")))
    plc.wait_for(lambda: bool(plc.of("inspection/station-1/stats")))
    assert [message["part"] for message in plc.of("inspection/station-1/verdict")] == ["A-1"]
    assert plc.of("inspection/station-1/stats")[-1]["messages_refused"] == 0
    assert "stopped" not in {message["state"] for message in plc.of("inspection/station-1/status")}


def test_nobody_speaks_as_a_station_but_itself(line: Cell) -> None:
    viewer = line.join("viewer")
    own = Topics("station-1")
    said = [*sorted(set(vars(own).values()) - {own.base}), f"{own.response}/plc-1"]
    for user in ("station-2", "plc-1", "viewer"):
        other = line.join(user)
        for topic in said:
            other.say(topic, {"by": user}, retain=True)
    station = line.join("station-1")
    for topic in said:
        station.say(topic, {"by": "station-1"})
    viewer.wait_for(lambda: viewer.topics() == set(said))
    assert {json.loads(payload)["by"] for _, payload in viewer.heard} == {"station-1"}


def test_a_station_hears_what_is_meant_for_it_and_nothing_else(line: Cell) -> None:
    plc, station, neighbour = line.join("plc-1"), line.join("station-1"), line.join("station-2")
    for kind in REQUESTS:
        plc.say(f"inspection/station-1/{kind}", {})
    station.wait_for(lambda: station.topics() == {f"inspection/station-1/{kind}" for kind in REQUESTS})
    assert neighbour.heard == []


@pytest.mark.parametrize(
    ("user", "password"), [("station-1", "guessed"), ("nobody", ""), ("+", ""), ("", "")]
)
def test_a_stranger_does_not_get_in(line: Cell, user: str, password: str) -> None:
    assert line.join(user, password).reason == "Not authorized"


def test_a_name_with_wildcards_opens_no_more_topics(line: Cell) -> None:
    """Where somebody who may add logins adds such a one."""
    folder = line.authority.parent
    with (folder / "passwords").open("a") as passwords:
        passwords.write(password_line("+", "+-secret"))
    line.broker.restart()
    viewer, joker = line.join("viewer"), line.join("+")
    if joker.reason == "Success":
        joker.say("inspection/station-1/status", {})
    line.join("station-1").say("inspection/station-1/stats", {})
    viewer.wait_for(lambda: bool(viewer.heard))
    assert viewer.topics() == {"inspection/station-1/stats"}
    assert joker.heard == []
