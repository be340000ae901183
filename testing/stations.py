"""A daemon as a process of its own, and a client that watches what it publishes."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from testing.brokers import MosquittoBroker


class Watcher:
    """Another client's view of a broker: every message with its topic and retain flag."""

    def __init__(self, broker: MosquittoBroker, topic: str = "inspection/#") -> None:
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
        try:
            content = json.loads(message.payload)
        except (ValueError, RecursionError):
            return  # not from a station
        if isinstance(content, dict):
            with self._changed:
                self.messages.append((message.topic, content, message.retain))
                self._changed.notify_all()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Messages whose topic ends in /kind."""
        with self._changed:
            return [message for topic, message, _ in self.messages if topic.endswith(f"/{kind}")]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 20.0) -> bool:
        """True if the condition became true in time."""
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
