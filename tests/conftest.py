"""What all tests share: a real broker, a toy bundle, labelled images, a client that is not ours."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.brokers import Mosquitto
from tests.toy_model import toy_bundle


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No EDGE_ variable and no config.toml of whoever runs the tests."""
    import os

    for name in [name for name in os.environ if name.startswith("EDGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto that lets everyone in."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    mosquitto = Mosquitto(folder)
    mosquitto.start()
    yield mosquitto
    mosquitto.stop()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that calls images darker than mid grey defective."""
    return toy_bundle(tmp_path / "toy.tflite")


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Four bright images in ok/, three dark ones in defect/."""
    folder = tmp_path / "parts"
    generator = np.random.default_rng(1)
    for label, level, count in (("ok", 200, 4), ("defect", 50, 3)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            image = generator.normal(level, 10, (48, 48)).clip(0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{number}.png"), image)
    return folder


class Watcher:
    """Another client's view of a broker: every message with its topic and retain flag."""

    def __init__(self, broker: Mosquitto, topic: str = "inspection/#") -> None:
        self.messages: list[tuple[str, dict[str, Any], bool]] = []
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, json.loads(message.payload), message.retain))
            self._changed.notify_all()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages whose topic ends in /kind."""
        with self._changed:
            return [message for topic, message, _ in self.messages if topic.endswith(f"/{kind}")]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Whether the condition became true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with self._changed:
                self._changed.wait(min(left, 0.05))
        return True

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def watcher(broker: Mosquitto) -> Iterator[Watcher]:
    """A subscriber to everything on the broker."""
    watcher = Watcher(broker)
    yield watcher
    watcher.close()


class EdgeProcess:
    """The daemon as a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge", *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )

    def finish(self, seconds: float = 30.0) -> tuple[int, str]:
        """Wait for the end; exit status and what it said on standard error."""
        _, said = self.process.communicate(timeout=seconds)
        return self.process.returncode, said


@pytest.fixture
def edge_process() -> Iterator[Callable[..., EdgeProcess]]:
    """Starts daemons, and kills those that a test leaves running."""
    started: list[EdgeProcess] = []

    def start(*arguments: str) -> EdgeProcess:
        started.append(EdgeProcess(*arguments))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()
