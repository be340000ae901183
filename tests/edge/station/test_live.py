"""The daemon as a process, against a real mosquitto and a client that is not ours."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from testing.brokers import MosquittoBroker
from testing.cameras import MjpegCamera
from testing.stations import EdgeProcess, Watcher
from tests.conftest import StartBroker

pytestmark = pytest.mark.broker
Start = Callable[..., EdgeProcess]


def stored(parts: Path) -> list[str]:
    """Flags of a camera that shows these pictures."""
    return ["--camera.kind", "file", "--camera.path", str(parts), "--camera.replay_fps", "20"]


def arguments(
    bundle: Path, parts: Path, broker: MosquittoBroker, tmp_path: Path, camera: list[str] | None = None
) -> list[str]:
    return [
        "--config", "/dev/null",
        "--model", str(bundle),
        *(camera or stored(parts)), "--camera.max_age_ms", "10000",
        "--gate.travel_ms", "5000",  # a busy machine
        "--mqtt.port", str(broker.port),
        "--journal.path", str(tmp_path / "journal.sqlite"),
    ]  # fmt: skip


def test_every_part_gets_a_verdict_and_every_defect_a_reject_in_time(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    status, said = edge_process(*arguments(bundle, parts, broker, tmp_path)).finish()
    assert status == 0, said
    assert watcher.wait_for(lambda: len(watcher.of("verdict")) == 7)
    assert [message["verdict"] for message in watcher.of("verdict")] == ["defect"] * 3 + ["ok"] * 4
    assert len({message["id"] for message in watcher.of("verdict")}) == 7
    rejects = [message for message in watcher.of("reject") if message["part"] is not None]
    assert [r["part"] for r in rejects] == [v["part"] for v in watcher.of("verdict")[:3]]
    assert all(reject["due_in_ms"] > 0 for reject in rejects)
    assert not watcher.of("pass")
    assert [message["state"] for message in watcher.of("status")][-1] == "stopped"


def test_reject_unless_ok_sends_passes_for_good_parts_only(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    mode = ["--gate.mode", "reject-unless-ok"]
    status, said = edge_process(*arguments(bundle, parts, broker, tmp_path), *mode).finish()
    assert status == 0, said
    assert watcher.wait_for(lambda: len(watcher.of("verdict")) == 7)
    assert len(watcher.of("pass")) == 4
    assert not watcher.of("reject")


def test_a_killed_daemon_is_announced_offline_by_its_last_will(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    slow = ["--camera.replay_fps", "1"]
    running = edge_process(*arguments(bundle, parts, broker, tmp_path), *slow)
    assert watcher.wait_for(lambda: any(m["state"] == "running" for m in watcher.of("status")))
    running.process.kill()
    assert watcher.wait_for(lambda: watcher.of("status")[-1]["state"] == "offline")
    late_comer = Watcher(broker)
    assert late_comer.wait_for(lambda: bool(late_comer.of("status")))
    late_comer.close()
    assert late_comer.of("status")[0]["state"] == "offline"


def test_mosquitto_sub_sees_the_topics_of_the_contract(
    bundle: Path, parts: Path, broker: MosquittoBroker, edge_process: Start, tmp_path: Path
) -> None:
    command = [
        "mosquitto_sub",
        "-h",
        broker.host,
        "-p",
        str(broker.port),
        "-t",
        "inspection/#",
        "-v",
        "-W",
        "6",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as subscriber:
        edge_process(*arguments(bundle, parts, broker, tmp_path)).finish()
        seen, _ = subscriber.communicate()
    topics = {line.split(" ", 1)[0] for line in seen.splitlines()}
    assert topics >= {f"inspection/station-1/{kind}" for kind in ("status", "verdict", "reject")}
    assert all(json.loads(line.split(" ", 1)[1])["schema"] for line in seen.splitlines())


def test_what_passed_the_camera_before_the_start_is_rejected(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    edge_process(*arguments(bundle, parts, broker, tmp_path)).finish()
    unseen = [message for message in watcher.of("reject") if message["part"] is None]
    assert unseen
    assert {message["reason"] for message in unseen} == {"not seen"}
    # As long as the belt to the ejector, less what it took to say so.
    assert sum(message["pulse_ms"] for message in unseen) > 400


def test_terminate_ends_the_daemon_cleanly(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    running = edge_process(*arguments(bundle, parts, broker, tmp_path), "--camera.replay_fps", "1")
    assert watcher.wait_for(lambda: any(m["state"] == "running" for m in watcher.of("status")))
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0, said
    assert "Traceback" not in said
    assert watcher.wait_for(lambda: watcher.of("status")[-1]["state"] == "stopped")


def test_verdicts_of_an_absent_broker_arrive_once_it_is_back_in_order_and_marked_late(
    bundle: Path, parts: Path, broker: MosquittoBroker, edge_process: Start, tmp_path: Path
) -> None:
    broker.stop()
    first = edge_process(*arguments(bundle, parts, broker, tmp_path))
    status, said = first.finish()
    assert status == 0, said
    assert "no broker at" in said
    assert "Traceback" not in said
    time.sleep(2.1)  # what is sent later than two seconds after its inspection counts as late
    broker.start()
    watcher = Watcher(broker)
    second = edge_process(*arguments(bundle, parts, broker, tmp_path))
    assert watcher.wait_for(lambda: len(watcher.of("verdict")) >= 14)
    status, _ = second.finish()
    watcher.close()
    verdicts = watcher.of("verdict")
    assert len({message["id"] for message in verdicts}) == 14
    assert [message["late"] for message in verdicts] == [True] * 7 + [False] * 7
    assert [message["sequence"] for message in verdicts] == [*range(7), *range(7)]
    rejects = [message for message in watcher.of("reject") if message["part"] is not None]
    assert len(rejects) == 3, "no command of the first run may come late"


def test_the_daemon_comes_back_by_itself_when_the_broker_does(
    bundle: Path, parts: Path, broker: MosquittoBroker, edge_process: Start, tmp_path: Path
) -> None:
    running = edge_process(
        *arguments(bundle, parts, broker, tmp_path),
        "--camera.replay_fps",
        "1",
        "--mqtt.reconnect_max_s",
        "0.5",
    )
    first = Watcher(broker)
    assert first.wait_for(lambda: len(first.of("verdict")) >= 1)
    first.close()
    broker.stop()
    broker.start()
    second = Watcher(broker)
    assert second.wait_for(lambda: any(m["state"] == "running" for m in second.of("status")))
    assert second.wait_for(
        lambda: {m["sequence"] for m in [*first.of("verdict"), *second.of("verdict")]} == set(range(7))
    )
    second.close()
    running.finish()


def test_a_wrong_password_is_said_in_one_line_and_nothing_is_lost(
    bundle: Path, parts: Path, mosquitto_broker: StartBroker, edge_process: Start, tmp_path: Path
) -> None:
    closed = mosquitto_broker(passwords={"line": "right"})
    try:
        user = ["--mqtt.username", "line", "--mqtt.password", "wrong-secret", "--mqtt.tls", "off"]
        status, said = edge_process(*arguments(bundle, parts, closed, tmp_path), *user).finish()
    finally:
        closed.stop()
    assert status == 0
    assert "check mqtt.username and mqtt.password" in said
    assert "wrong-secret" not in said
    assert "Traceback" not in said
    assert "7 verdicts wait" in said


def test_replay_publishes_verdicts_marked_simulated(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start
) -> None:
    running = edge_process(
        "--config", "/dev/null", "--replay", str(parts), "--publish", "--model", str(bundle),
        "--mqtt.port", str(broker.port), "--json",
        "--trigger.kind", "input", "--pins.bin", "5", "--gate.confirm_ms", "100",  # as on the line
    )  # fmt: skip
    status, said = running.finish()
    assert status == 0, said
    assert "cannot be read" not in said, "a replay leaves the pins of its device alone"
    assert watcher.wait_for(lambda: len(watcher.of("verdict")) == 7)
    assert all(message["simulated"] for message in watcher.of("verdict"))
    assert watcher.of("verdict")[0]["source"] == "defect/0.png"


def test_a_camera_that_is_away_is_a_fault_until_it_is_back(
    bundle: Path, parts: Path, broker: MosquittoBroker, watcher: Watcher, edge_process: Start, tmp_path: Path
) -> None:
    camera = MjpegCamera(np.full((64, 64), 40, np.uint8))
    source = ["--camera.kind", "stream", "--camera.url", camera.url, "--camera.open_timeout_ms", "1000"]
    pauses = ["--camera.stall_ms", "500", "--camera.reopen_max_ms", "300"]
    running = edge_process(*arguments(bundle, parts, broker, tmp_path, source), *pauses)

    def state() -> str | None:
        return watcher.of("status")[-1]["state"] if watcher.of("status") else None

    assert watcher.wait_for(lambda: state() == "fault")
    assert "camera" in watcher.of("status")[-1]["reason"]
    for _ in range(2):
        seen = len(watcher.of("verdict"))
        camera.switch_on()
        assert watcher.wait_for(lambda: state() == "running")
        assert watcher.wait_for(lambda seen=seen: len(watcher.of("verdict")) > seen + 3)  # type: ignore[misc]
        camera.switch_off()
        assert watcher.wait_for(lambda: state() == "fault")
    running.process.send_signal(signal.SIGTERM)
    status, said = running.finish()
    assert status == 0, said
    assert "Traceback" not in said
    assert said.count("camera is back") == 2
    # A camera that was away sends what it held back at once: such frames are too close to be parts.
    expected = ("min_gap", "not yet 3 good pictures in a row")
    faults = [m["reason"] for m in watcher.of("verdict") if m["verdict"] != "defect"]
    assert all(any(words in reason for words in expected) for reason in faults)
    parts_seen = [message["part"] for message in watcher.of("verdict")]
    assert len(set(parts_seen)) == len(parts_seen)
