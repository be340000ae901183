"""A daemon and a real broker that others use as they like, that allows little, or that comes and goes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testing.brokers import MosquittoBroker
from testing.rigs.mqtt_bytes import FEFF, FORMAT_7, publish, say_once, text
from testing.stations import EdgeProcess, Watcher
from tests.conftest import StartBroker

pytestmark = pytest.mark.broker
BASE = "inspection/station-1"


@pytest.fixture
def station(
    bundle: Path, edge_process: Callable[..., EdgeProcess], tmp_path: Path
) -> Callable[..., EdgeProcess]:
    """Starts a daemon that rejects 20 parts a second."""

    def start(port: int, *more: str) -> EdgeProcess:
        return edge_process(
            "--config", "/dev/null", "--model", str(bundle),
            "--camera.replay_fps", "20", "--camera.size", "64", "--camera.max_age_ms", "5000",
            "--recipe.ok_below", "0", "--recipe.defect_from", "0",
            "--mqtt.port", str(port), "--journal.path", str(tmp_path / "journal.sqlite"), *more,
        )  # fmt: skip

    return start


@pytest.fixture
def watched(broker: MosquittoBroker) -> Iterator[Watcher]:
    """Hears what a station says, and not what is said to it: it is a paho like others."""
    watcher = Watcher(broker, f"{BASE}/reject")
    watcher.client.subscribe([(f"{BASE}/{kind}", 1) for kind in ("response", "stats", "verdict")])
    yield watcher
    watcher.close()


def rejected(watcher: Watcher) -> set[str]:
    return {message["part"] for message in watcher.of("reject") if message["part"] is not None}


def end(running: EdgeProcess) -> str:
    running.process.terminate()
    return running.finish()[1]


@pytest.mark.parametrize("properties", [FEFF, FORMAT_7], ids=["U+FEFF", "format of 7"])
@pytest.mark.parametrize("kind", ["command", "lot"])
def test_a_malformed_message_that_is_retained_does_not_silence_a_station(
    station: Callable[..., EdgeProcess],
    broker: MosquittoBroker,
    watched: Watcher,
    properties: bytes,
    kind: str,
) -> None:
    say_once(broker.port, publish(f"{BASE}/{kind}", b"{}", properties, retain=1))
    running = station(broker.port, "--mqtt.lots", "true")
    assert watched.wait_for(lambda: len(rejected(watched)) > 20)
    said = end(running)
    assert said.count("connected to") == 1
    assert "lost the broker" not in said
    assert "another client" not in said
    if kind == "lot":  # the one that is asked for with what was retained
        assert "a message on …/lot is refused: malformed" in said


def test_malformed_messages_cost_no_command(
    station: Callable[..., EdgeProcess], broker: MosquittoBroker, watched: Watcher
) -> None:
    running = station(broker.port)
    assert watched.wait_for(lambda: len(rejected(watched)) > 5)
    for number in range(20):
        properties = (FEFF, FORMAT_7)[number % 2]
        say_once(broker.port, publish(f"{BASE}/command", b"{}", properties, qos=1))
    say_once(broker.port, publish(f"{BASE}/command", b'{"id": "1", "command": "reset"}', qos=1))
    assert watched.wait_for(lambda: any(m["id"] == "1" for m in watched.of("response")))
    said = end(running)
    assert said.count("connected to") == 1
    stats = watched.of("stats")[-1]
    assert (stats["messages_refused"], stats["commands_unsent"]) == (20, 0)


ALL_PASS = ("--gate.mode", "reject-unless-ok", "--recipe.ok_below", "1", "--recipe.defect_from", "1")


@pytest.mark.parametrize(("said", "more"), [("reject", ()), ("pass", ALL_PASS)])
def test_commands_that_the_broker_refuses_are_unsent_and_two_alarms_say_so(
    station: Callable[..., EdgeProcess],
    mosquitto_broker: StartBroker,
    tmp_path: Path,
    said: str,
    more: tuple[str, ...],
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic readwrite #\ntopic deny inspection/+/{said}\n")
    acl.chmod(0o644)
    closed = mosquitto_broker(f"acl_file {acl}")
    watcher = Watcher(closed, "inspection/#")
    try:
        running = station(closed.port, *more, "--gate.confirm_ms", "50")
        assert watcher.wait_for(
            lambda: {"gate", "broker"} <= {m["alarm"] for m in watcher.of("alarm") if m["raised"]},
            seconds=60,
        )
        assert watcher.wait_for(
            lambda: bool(watcher.of("stats")) and watcher.of("stats")[-1]["inspected"] > 50
        )
        log = end(running)
    finally:
        watcher.close()
    stats = watcher.of("stats")[-1]
    assert stats["commands_unsent"] > 20
    assert stats["commands_sent"] <= 1
    assert stats["rejects_unconfirmed"] > 20, "without its pass a part is rejected, and awaited in the bin"
    assert log.count(f"refuses what is published on inspection/station-1/{said}: Not authorized") == 1
    texts = [m["text"] for m in watcher.of("alarm") if m["alarm"] == "broker" and m["raised"]]
    assert f"inspection/station-1/{said}: Not authorized" in texts[0]


def test_an_answer_that_is_too_large_for_the_broker_does_not_cost_the_connection(
    station: Callable[..., EdgeProcess], mosquitto_broker: StartBroker
) -> None:
    small = mosquitto_broker("max_packet_size 8192")
    watcher = Watcher(small, "inspection/#")
    try:
        running = station(small.port)
        assert watcher.wait_for(lambda: len(rejected(watcher)) > 5)
        for number in range(5):
            command = json.dumps({"id": str(number), "command": "reset"}).encode()
            correlation = b"\x09" + text(b"x" * 8000)
            say_once(small.port, publish(f"{BASE}/command", command, correlation, qos=1))
        assert watcher.wait_for(lambda: len(watcher.of("response")) == 5)
        said = end(running)
    finally:
        watcher.close()
    assert said.count("connected to") == 1
    assert {message["error"] for message in watcher.of("response")} == {
        "correlation data: at most 256 bytes are sent back"
    }


def test_a_message_of_many_megabytes_reaches_no_station(
    station: Callable[..., EdgeProcess], broker: MosquittoBroker, watched: Watcher
) -> None:
    """Over MQTT 5 the broker keeps it back; over 3.1.1 it comes, and is passed over in pieces."""
    for protocol in ("5", "3.1.1"):
        watched.messages.clear()
        running = station(broker.port, "--mqtt.protocol", protocol)
        assert watched.wait_for(lambda: len(rejected(watched)) > 5)
        before = _memory_mb(running)
        say_once(broker.port, publish(f"{BASE}/command", bytes(50_000_000), qos=0))
        say_once(broker.port, publish(f"{BASE}/command", b'{"id": "1", "command": "reset"}', qos=1))
        assert watched.wait_for(lambda: bool(watched.of("response")))
        assert _memory_mb(running) - before < 30
        assert end(running).count("connected to") == 1


def test_after_quick_restarts_of_the_broker_the_station_is_back_at_once(
    station: Callable[..., EdgeProcess], broker: MosquittoBroker
) -> None:
    running = station(broker.port, "--mqtt.reconnect_max_s", "3600")
    for _ in range(4):
        watcher = Watcher(broker, "inspection/#")
        assert watcher.wait_for(lambda watcher=watcher: len(rejected(watcher)) > 3)  # type: ignore[misc]
        watcher.close()
        broker.restart()
    watcher = Watcher(broker, "inspection/#")
    assert watcher.wait_for(lambda: len(rejected(watcher)) > 3), "nor after an hour"
    watcher.close()
    assert "took over" not in end(running)


def _memory_mb(running: EdgeProcess) -> float:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
