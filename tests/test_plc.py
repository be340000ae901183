"""The way that docs/guides/integration.md advises: the PLC tracks its parts, and the station answers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testing.brokers import MosquittoBroker
from testing.stations import EdgeProcess, Watcher

pytestmark = pytest.mark.broker
BASE = "inspection/station-1"
TRAVEL_S, GAP_S = 1.5, 0.1


class Plc:
    """A shift register from the light barrier to the ejector, as a PLC has it; unmarked parts are ejected.

    It knows nothing of the station but the topic on which it hears ``pass``.
    """

    def __init__(self, broker: MosquittoBroker) -> None:
        self.watcher = Watcher(broker)
        self.passed: list[str] = []
        self.ejected: list[str] = []
        self._register: dict[str, float] = {}  # part to the time at which it is at the ejector
        self._marked: set[str] = set()
        self._heard = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        """The cycle: a part every GAP_S, marks from messages, and at the ejector pass or eject."""
        number, next_part = 0, time.monotonic()
        while not self._ended.wait(0.005):
            now = time.monotonic()
            if now >= next_part:
                number, next_part = number + 1, now + GAP_S
                part = f"A-{number}"
                self._register[part] = now + TRAVEL_S
                self.watcher.client.publish(f"{BASE}/trigger", json.dumps({"part": part}), qos=1)
            commands = self.watcher.of("pass")
            self._marked |= {command["part"] for command in commands[self._heard :]} & set(self._register)
            self._heard = len(commands)
            for part in [part for part, due in self._register.items() if due <= now]:
                del self._register[part]
                (self.passed if part in self._marked else self.ejected).append(part)

    def holds_marks(self) -> bool:
        """True if a part that will pass is on its way."""
        return bool(self._marked & set(self._register))

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.watcher.close()


@pytest.fixture
def plc(broker: MosquittoBroker) -> Iterator[Plc]:
    plc = Plc(broker)
    yield plc
    plc.close()


def test_only_parts_that_were_seen_as_ok_pass_and_none_once_the_station_is_dead(
    plc: Plc,
    bundle: Path,
    parts: Path,
    broker: MosquittoBroker,
    edge_process: Callable[..., EdgeProcess],
    tmp_path: Path,
) -> None:
    """Whatever the machine's load: what comes too late is ejected."""
    for number in range(1000):  # the camera sees good and bad parts in turn, for long enough
        kind = ("ok", "defect")[number // 7 % 2]
        (tmp_path / "seen").mkdir(exist_ok=True)
        (tmp_path / "seen" / f"{number:04}.png").hardlink_to(parts / kind / "0.png")
    station = edge_process(
        "--config", "/dev/null", "--model", str(bundle), "--mqtt.port", str(broker.port),
        "--camera.kind", "file", "--camera.path", str(tmp_path / "seen"),
        "--camera.replay_fps", "30", "--camera.freeze_frames", "0",
        "--trigger.kind", "message", "--gate.mode", "reject-unless-ok", "--gate.travel_ms", "1400",
        "--gate.min_gap_ms", "20", "--gate.margin_ms", "20",
        "--journal.path", str(tmp_path / "journal.sqlite"),
    )  # fmt: skip
    assert plc.watcher.wait_for(lambda: len(plc.passed) >= 10, seconds=60)
    station.process.kill()
    station.process.wait()
    assert plc.watcher.wait_for(lambda: plc.watcher.of("status")[-1]["state"] == "offline")
    assert plc.watcher.wait_for(lambda: not plc.holds_marks())
    passed, ejected = len(plc.passed), len(plc.ejected)
    assert plc.watcher.wait_for(lambda: len(plc.ejected) >= ejected + 20)
    assert len(plc.passed) == passed
    said = {message["part"]: message["verdict"] for message in plc.watcher.of("verdict")}
    passes = {message["part"] for message in plc.watcher.of("pass")}
    assert set(plc.passed) <= passes
    assert {said[part] for part in plc.passed if part in said} == {"ok"}
    assert {"ok", "defect"} <= set(said.values())
