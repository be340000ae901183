"""Messages to the daemon, over a real mosquitto."""

import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from testing.brokers import MosquittoBroker
from testing.certificates import Authority
from testing.stations import EdgeProcess, Watcher
from tests.conftest import StartBroker

pytestmark = pytest.mark.broker
BASE = "inspection/station-1"


class Plc:
    """Sends messages to a station, and sees what it says."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.watcher = Watcher(broker, "#")

    def send(self, kind: str, payload: Any, *, retain: bool = False, answer_on: str | None = None) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if answer_on is not None:
            properties.ResponseTopic = answer_on
            properties.CorrelationData = b"\x00nr 7"
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        info = self.watcher.client.publish(f"{BASE}/{kind}", data, 1, retain, properties)
        info.wait_for_publish(5)

    def parts(self) -> list[str]:
        return [message["part"] for message in self.watcher.of("verdict")]

    def state(self) -> str | None:
        status = self.watcher.of("status")
        return status[-1]["state"] if status else None

    def wait(self, condition: Callable[[], bool]) -> None:
        assert self.watcher.wait_for(condition)

    def answers(self) -> dict[str | None, dict[str, Any]]:
        return {message["id"]: message for message in self.watcher.of("response")}


MESSAGES = ("--trigger.kind", "message", "--trigger.timeout_ms", "4000")


@pytest.fixture
def plc(broker: MosquittoBroker) -> Iterator[Plc]:
    plc = Plc(broker)
    yield plc
    plc.watcher.close()


@pytest.fixture
def station(
    bundle: Path, broker: MosquittoBroker, edge_process: Callable[..., EdgeProcess], tmp_path: Path
) -> Callable[..., EdgeProcess]:
    """Starts a daemon with a camera that never ends; its parts are those of the messages."""

    def start(*more: str, port: int | None = None, trigger: Sequence[str] = MESSAGES) -> EdgeProcess:
        return edge_process(
            "--config", "/dev/null", "--model", str(bundle),
            "--camera.replay_fps", "20", "--camera.size", "64", *trigger,
            # A busy machine must make no faults here.
            "--camera.max_age_ms", "5000", "--gate.travel_ms", "8000",
            "--mqtt.port", str(port or broker.port), "--mqtt.reconnect_max_s", "0.5",
            "--journal.path", str(tmp_path / "journal.sqlite"), *more,
        )  # fmt: skip

    return start


def test_a_trigger_is_one_inspection_with_its_part_id_and_nothing_else_is(
    station: Callable[..., EdgeProcess], plc: Plc
) -> None:
    running = station("--trigger.frames", "2", "--trigger.delay_ms", "5")
    plc.wait(lambda: plc.state() == "ready")
    for part in ("A-1", "A-2", "A-3"):
        plc.send("trigger", {"part": part})
        plc.wait(lambda part=part: part in plc.parts())  # type: ignore[misc]
    plc.send("trigger", {"part": "A-2"})
    plc.send("trigger", {"part": "A-4"}, retain=True)
    plc.send("trigger", b"{")
    plc.send("trigger", {"part": "A-5"})
    plc.wait(lambda: "A-5" in plc.parts())
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0, said
    # To a subscriber who is there already a retained message is like any other.
    verdicts = [message for message in plc.watcher.of("verdict") if message["part"] != "A-4"]
    assert [(message["part"], message["frames"]) for message in verdicts] == [
        ("A-1", 2), ("A-2", 2), ("A-3", 2), ("A-5", 2)
    ]  # fmt: skip
    assert plc.watcher.of("stats")[-1]["messages_refused"] == 2


def test_commands_are_answered_where_their_sender_asks(station: Callable[..., EdgeProcess], plc: Plc) -> None:
    station("--mqtt.response_topics", "plc/response")
    plc.wait(lambda: plc.state() == "ready")
    plc.send("command", {"id": "1", "command": "stop"}, answer_on="plc/response")
    plc.wait(lambda: plc.state() == "stopped")
    plc.send("trigger", {"part": "A-1"})
    plc.send("command", {"id": "2", "command": "start"})
    plc.wait(lambda: plc.state() == "ready")
    plc.send("command", {"id": "3", "command": "reset"})
    plc.send("command", {"id": "4", "command": "recipe", "recipe": "absent"})
    plc.wait(lambda: "4" in plc.answers())
    plc.send("command", {"id": "4", "command": "reset"}, answer_on="plc/response")
    plc.send("command", b"\xff\xfe", answer_on=f"{BASE}/reject")
    plc.send("command", {"id": "5", "command": "reset"}, answer_on=f"{BASE}/response/plc")
    plc.wait(lambda: any(topic == f"{BASE}/response/plc" for topic, _, _ in plc.watcher.messages))
    by_topic = [
        (topic, message["id"], message["done"])
        for topic, message, _ in plc.watcher.messages
        if message.get("schema") == "linegate.response.v1"
    ]
    assert by_topic == [
        ("plc/response", "1", True),
        (f"{BASE}/response", "2", True),
        (f"{BASE}/response", "3", True),
        (f"{BASE}/response", "4", False),
        ("plc/response", None, False),
        (f"{BASE}/response", None, False),
        (f"{BASE}/response/plc", "5", True),
    ]
    assert "A-1" not in plc.parts()


def test_hostile_messages_change_nothing(station: Callable[..., EdgeProcess], plc: Plc) -> None:
    running = station()
    plc.wait(lambda: plc.state() == "ready")
    chance = random.Random(1)
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", plc.watcher.client.port)
    client.loop_start()
    for number in range(400):
        payload = [
            chance.randbytes(chance.randint(0, 300)), b"[" * 3000, b"x" * 300_000, b'{"id": null}',
            b'{"part": "%s"}' % (b"a" * 65), json.dumps({"id": "i", "command": ["reset"]}).encode(),
        ][number % 6]  # fmt: skip
        info = client.publish(f"{BASE}/{chance.choice(['command', 'trigger'])}", payload, qos=1)
    info.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()
    plc.send("trigger", {"part": "after"})
    plc.wait(lambda: plc.parts() == ["after"])
    plc.wait(lambda: plc.state() == "running")
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0, said
    assert "Traceback" not in said
    # The broker keeps back what is larger than the station said that it takes.
    assert plc.watcher.of("stats")[-1]["messages_refused"] == 400 - len(range(3, 400, 6))


def test_subscriptions_come_back_with_the_broker(
    station: Callable[..., EdgeProcess], broker: MosquittoBroker
) -> None:
    station()
    first = Plc(broker)
    first.wait(lambda: first.state() == "ready")
    first.watcher.close()
    broker.restart()
    second = Plc(broker)
    second.wait(lambda: second.state() == "ready")
    second.send("trigger", {"part": "A-1"})
    second.wait(lambda: "A-1" in second.parts())
    second.watcher.close()


def test_a_broker_that_hangs_does_not_get_commands_to_deliver_late(
    station: Callable[..., EdgeProcess], broker: MosquittoBroker
) -> None:
    """Some it may have taken before that was noticed; ``valid_until`` tells a PLC that those are old."""
    times: list[tuple[float, float]] = []

    def note(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        command = json.loads(message.payload)
        if command["part"] is not None:
            times.append((time.time(), datetime.fromisoformat(command["valid_until"]).timestamp()))

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = note
    client.connect(broker.host, broker.port)
    client.subscribe(f"{BASE}/reject", qos=1)
    client.loop_start()
    running = station(
        "--gate.travel_ms", "300",
        "--recipe.ok_below", "0", "--recipe.defect_from", "0", trigger=(),
    )  # fmt: skip

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 20
        while len(times) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(times) >= count

    wait_for(10)
    broker.freeze()
    time.sleep(5)  # 100 parts
    before = len(times)
    broker.thaw()
    wait_for(before + 60)
    late = [received for received, valid_until in times[before:] if received > valid_until]
    assert len(late) < 45, "those of the first one and a half seconds, at most"
    running.process.send_signal(signal.SIGTERM)
    _, said = running.finish()
    client.disconnect()
    client.loop_stop()
    assert "acknowledges no commands; connecting again" in said


def test_a_second_client_of_the_same_name_is_noticed(
    station: Callable[..., EdgeProcess], plc: Plc, broker: MosquittoBroker
) -> None:
    running = station()
    plc.wait(lambda: plc.state() == "ready")
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id="linegate-station-1", protocol=MQTTProtocolVersion.MQTTv5
    )
    client.reconnect_delay_set(1, 1)
    client.connect(broker.host, broker.port)
    client.loop_start()
    plc.wait(lambda: [m["state"] for m in plc.watcher.of("status")].count("ready") >= 4)
    client.disconnect()
    client.loop_stop()
    running.process.send_signal(signal.SIGTERM)
    _, said = running.finish()
    assert "another client called linegate-station-1" in said


def test_on_a_belt_that_gives_messages_nothing_passes_before_the_first(
    station: Callable[..., EdgeProcess], plc: Plc
) -> None:
    station("--gate.belt", "message", "--gate.min_gap_ms", "40")
    plc.wait(lambda: plc.state() == "fault")
    plc.send("trigger", {"part": "A-1"})
    plc.wait(lambda: "A-1" in plc.parts())
    plc.send("belt", {"direction": "forward"}, retain=True)
    plc.wait(lambda: plc.state() in ("ready", "running"))
    plc.send("trigger", {"part": "A-2"})
    plc.wait(lambda: "A-2" in plc.parts())
    first, second = plc.watcher.of("verdict")
    assert (first["verdict"], first["reason"]) == ("fault", "no message of the belt (message) yet")
    assert second["verdict"] != "fault"


def test_by_encoder_a_reject_names_the_count_at_which_its_part_is_at_the_ejector(
    station: Callable[..., EdgeProcess], plc: Plc
) -> None:
    station(
        "--gate.belt", "encoder", "--gate.encoder_silence_ms", "2000",
        "--gate.travel_counts", "1000", "--gate.min_gap_counts", "50",
        "--recipe.ok_below", "0", "--recipe.defect_from", "0",
    )  # fmt: skip
    plc.wait(lambda: plc.state() == "fault")
    ended = threading.Event()

    def turn() -> None:
        count = 5000
        while not ended.wait(0.01):
            count += 10
            plc.watcher.client.publish(f"{BASE}/encoder", json.dumps({"count": count}), qos=0)

    encoder = threading.Thread(target=turn)
    encoder.start()
    try:
        plc.wait(lambda: plc.state() == "ready")
        plc.send("trigger", {"part": "A-1", "count": 5321})
        plc.wait(lambda: any(m["part"] == "A-1" for m in plc.watcher.of("reject")))
    finally:
        ended.set()
        encoder.join()
    assert {m["due_count"] for m in plc.watcher.of("reject") if m["part"] == "A-1"} == {6321}
    plc.wait(lambda: plc.state() == "fault")
    assert plc.watcher.of("status")[-1]["reason"] == "the encoder is silent"


def test_a_rejected_part_that_is_not_in_the_bin_is_an_alarm_until_one_is(
    station: Callable[..., EdgeProcess], plc: Plc
) -> None:
    station(
        "--gate.confirm_ms", "100", "--gate.travel_ms", "200",
        "--recipe.ok_below", "0", "--recipe.defect_from", "0",
        "--alarms.clear_s", "0", "--alarms.rejects_in_row", "0",
    )  # fmt: skip
    plc.wait(lambda: plc.state() == "ready")
    plc.send("trigger", {"part": "A-1"})
    plc.wait(lambda: len(plc.watcher.of("alarm")) == 1)
    for number in range(200):  # one of these is in the bin just when it should be
        if number % 10 == 0:
            plc.send("trigger", {"part": f"B-{number}"})
        plc.send("bin", {})
        if plc.watcher.wait_for(lambda: len(plc.watcher.of("alarm")) >= 2, seconds=0.05):
            break
    raised, cleared = plc.watcher.of("alarm")[:2]
    assert (raised["alarm"], raised["raised"], raised["part"]) == ("bin", True, "A-1")
    assert (cleared["alarm"], cleared["raised"]) == ("bin", False)


def test_the_lot_of_a_part_is_what_was_said_before_it_was_seen(
    station: Callable[..., EdgeProcess], plc: Plc
) -> None:
    plc.send("lot", {"lot": "L-1"}, retain=True)
    station("--mqtt.lots", "true")
    plc.wait(lambda: plc.state() == "ready")
    for part, lot in (
        ("A-1", {"lot": "L-2"}),
        ("A-2", {"lot": "../L 3"}),
        ("A-3", {"lot": None}),
        ("A-4", {}),
    ):
        plc.send("trigger", {"part": part})
        plc.wait(lambda part=part: part in plc.parts())  # type: ignore[misc]
        plc.send("lot", lot)
    lots = {message["part"]: message["lot"] for message in plc.watcher.of("verdict")}
    assert lots == {"A-1": "L-1", "A-2": "L-2", "A-3": "L-2", "A-4": None}


def test_bits_say_busy_and_then_the_result(station: Callable[..., EdgeProcess], plc: Plc) -> None:
    station("--mqtt.bits", "true")
    plc.wait(lambda: plc.state() == "ready")
    plc.send("trigger", {"part": "A-1"})
    plc.wait(lambda: any(m["part"] == "A-1" and m["result_valid"] for m in plc.watcher.of("bits")))
    plc.wait(lambda: plc.parts() == ["A-1"])
    busy, result = (m for m in plc.watcher.of("bits") if m["part"] == "A-1")
    assert (busy["ready"], busy["busy"], busy["result_valid"]) == (True, True, False)
    (verdict,) = plc.watcher.of("verdict")
    assert (result["busy"], result["result_ok"]) == (False, verdict["action"] == "pass")


def test_a_broker_that_wants_a_certificate_gets_one(
    station: Callable[..., EdgeProcess], mosquitto_broker: StartBroker, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server, server_key = authority.issue("broker")
    ours, our_key = authority.issue("station")
    tls = f"cafile {authority.certificate}\ncertfile {server}\nkeyfile {server_key}\nrequire_certificate true"
    closed = mosquitto_broker(f"{tls}\n")
    try:
        names = ["--mqtt.tls", "on", "--mqtt.ca_file", str(authority.certificate), "--camera.count", "1"]
        with_certificate = ["--mqtt.cert_file", str(ours), "--mqtt.key_file", str(our_key)]
        status, said = station(*names, *with_certificate, port=closed.port, trigger=()).finish()
        assert status == 0, said
        assert "connected to" in said
        assert "verdicts wait" not in said
        _, said = station(*names, port=closed.port, trigger=()).finish()
        assert "connected to" not in said
        _, said = station(
            *names,
            "--mqtt.cert_file",
            str(our_key),
            "--mqtt.key_file",
            str(ours),
            port=closed.port,
            trigger=(),
        ).finish()
        assert "mqtt.cert_file, mqtt.key_file" in said
    finally:
        closed.stop()
