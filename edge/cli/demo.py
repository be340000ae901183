"""`edge demo`: the daemon on the simulated conveyor, with a broker of its own, in one terminal.

What scrolls by came over MQTT: a second client subscribes to the broker and prints what it gets.
"""

# isort: off
import edge.core.start  # noqa: F401  before what takes longer
# isort: on

import argparse
import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge import simulation
from edge.core.command import run_command
from edge.core.errors import LinegateError, SettingsError
from edge.settings.load_settings import load_settings
from edge.settings.page import PageSettings
from edge.settings.settings import Settings

BROKER_START_S = 10.0
STATION = "demo"


class EmbeddedBroker:
    """amqtt on a free loopback port, on a thread of its own; good for a first look, not for a line."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._broker: Any = None
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Start, and wait until it takes connections; raises SettingsError where amqtt is missing."""
        try:
            import amqtt.broker  # noqa: F401
        except ImportError as error:
            raise SettingsError("the demo needs its extra: pip install 'linegate[demo]'") from error
        self._thread.start()
        if not self._ready.wait(BROKER_START_S):
            raise LinegateError(f"the embedded broker did not start within {BROKER_START_S:g} s")

    def stop(self) -> None:
        """Stop it."""
        if self._broker is not None:
            asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop).result(5)
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def _run(self) -> None:
        from amqtt.broker import Broker

        asyncio.set_event_loop(self._loop)

        async def start() -> None:
            self._broker = Broker(
                {
                    "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
                    "plugins": {
                        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                    },
                }
            )
            await self._broker.start()
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()


class Scoreboard:
    """Prints each verdict beside the truth as it arrives, and counts at the end."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._colour = output.isatty()
        self._rejects: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.received = 0

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take one message of the station."""
        message = json.loads(payload)
        with self._lock:
            if topic.endswith("/reject"):
                if message["part"] is not None:  # null: what nobody saw, before the start
                    self._rejects.add(message["part"])
            elif topic.endswith("/verdict"):
                self.received += 1
                self._show(message)

    def summary(self, latency_ms: dict[str, float | None]) -> str:
        """Counts and latencies, for the end."""
        with self._lock:
            counts, rejects = dict(self._counts), len(self._rejects)
        right = counts.get("right", 0)
        share = f" ({right / self.received:.1%})" if self.received else ""
        timing = ", ".join(f"{name} {value} ms" for name, value in latency_ms.items() if value is not None)
        return (
            f"\n{self.received} verdicts received over MQTT, {rejects} rejects\n"
            f"right {right}{share}, escapes {counts.get('escape', 0)}, overkill {counts.get('overkill', 0)}\n"
            f"capture to decision: {timing or 'nothing measured'}"
        )

    def _show(self, message: dict[str, Any]) -> None:
        verdict, truth = message["verdict"], message["truth"] or "?"
        is_good, passes = truth == "ok", verdict == "ok"
        outcome = "right" if is_good == passes else ("overkill" if is_good else "escape")
        self._counts[outcome] += 1
        score = f"{message['score']:.3f}" if message["score"] is not None else "    -"
        gate = "REJECT" if message["action"] == "reject" else "      "
        note = "" if outcome == "right" else f"  <- {outcome}"
        text = f"part {message['sequence']:5}  {verdict:<7} score {score}  {gate}  truth: {truth}{note}"
        if self._colour and message["action"] == "reject":
            text = f"\033[31m{text}\033[0m"
        print(text, file=self._output, flush=True)


class PageProcess:
    """The operator's page beside the demo, as on a line: a process of its own."""

    def __init__(self, flags: Mapping[str, str]) -> None:
        settings = [text for key, value in flags.items() for text in (f"--{key}", value)]
        command = [sys.executable, "-m", "edge", "page", "--page.port", str(free_port()), *settings]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def demo_bundle() -> Path:
    """The bundle of the demo: installed beside the simulation, or a sample of the checkout."""
    installed = Path(simulation.__path__[0]) / "demo.tflite"
    return installed if installed.is_file() else Path(__file__).parents[2] / "samples" / "demo.tflite"


def free_port() -> int:
    """A port of this device that nobody uses now; the page's usual one, if that is free."""
    usual = PageSettings().port
    for port in (usual, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    return usual


def run_demo(settings: Settings, scoreboard: Scoreboard) -> int:
    """Run the line until its source ends or a signal comes; returns the exit status."""
    from edge.deployment.deployment import Deployment
    from edge.deployment.load import load_inspector
    from edge.station.app import App

    watcher = paho.Client(CallbackAPIVersion.VERSION2, client_id="linegate-demo-watcher")
    watcher.on_message = lambda _client, _data, message: scoreboard.on_message(
        message.topic, bytes(message.payload)
    )
    subscribed = threading.Event()
    watcher.on_subscribe = lambda *_: subscribed.set()
    watcher.on_connect = lambda client, *_: client.subscribe(f"inspection/{STATION}/#", qos=1)
    app = App(Deployment(settings, load_inspector(settings)))

    def stop(_number: int, _frame: FrameType | None) -> None:
        app.request_stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    watcher.connect(settings.mqtt.host, settings.mqtt.port)
    watcher.loop_start()
    subscribed.wait(BROKER_START_S)
    try:
        app.run()
    finally:
        watcher.disconnect()
        watcher.loop_stop()
    print(scoreboard.summary(app.station.counts.latency_ms()))
    return 0 if scoreboard.received == app.station.counts.inspected else 1


def main(argv: list[str] | None = None) -> int:
    """Run the demo; returns the exit status."""
    parser = argparse.ArgumentParser(prog="edge demo", description="Watch Linegate inspect simulated parts.")
    parser.add_argument("--parts", type=int, default=0, help="end after so many parts (default: at Ctrl-C)")
    parser.add_argument("--rate", type=float, default=10.0, help="parts a second (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="which parts (default: 0)")
    parser.add_argument("--no-page", dest="page", action="store_false", help="without the operator's page")
    arguments = parser.parse_args(argv)
    return run_command("demo", lambda: _demo(arguments))


def _demo(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level="WARNING", format="%(levelname)s %(message)s")
    broker = EmbeddedBroker()
    try:
        broker.start()
        with tempfile.TemporaryDirectory(prefix="linegate-demo-") as folder:
            flags = {
                "station.name": STATION,
                "model.path": str(demo_bundle()),
                "camera.kind": "simulated",
                "camera.count": str(arguments.parts),
                "camera.replay_fps": str(arguments.rate),
                "camera.seed": str(arguments.seed),
                "gate.window_ms": str(min(10.0, 300 / arguments.rate)),
                "gate.min_gap_ms": str(min(10.0, 300 / arguments.rate)),
                "mqtt.host": "127.0.0.1",
                "mqtt.port": str(broker.port),
                "mqtt.protocol": "3.1.1",
                "journal.path": str(Path(folder) / "journal.sqlite"),
                "archive.path": str(Path(folder) / "archive"),
                "archive.max_mb": "200",
                "archive.ok_share": "0.1",
                "archive.format": "jpeg",
            }
            print(
                f"simulated conveyor, {arguments.rate:g} parts/s; broker on port {broker.port}; Ctrl-C ends"
            )
            settings = load_settings(None, flags)
            page = PageProcess(flags) if arguments.page else None
            try:
                return run_demo(settings, Scoreboard(sys.stdout))
            finally:
                if page is not None:
                    page.stop()
    finally:
        broker.stop()


if __name__ == "__main__":
    sys.exit(main())
