"""`make bench-activate`: bundles activated over and over under load, with somebody else who keeps count.

Two bundles take turns: the demo's, and the same with its answer turned round, so that the score of every
picture tells which of the two gave it. The daemon runs as it is on a real mosquitto; an independent client
sends the commands and holds each verdict against what the bundle that it names says of that picture. Before
the first command the same parts go by for a while, to compare with.
"""

import argparse
import hashlib
import itertools
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.core.bundle.bundle import decode_bundle, encode_bundle, write_bundle
from edge.core.images import encode_png
from edge.core.model_spec import Output
from edge.core.preprocess import preprocess
from edge.core.runtime import load_model
from edge.simulation.parts import PartRenderer
from testing.brokers import MosquittoBroker, find_mosquitto

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "samples" / "demo.tflite"
BASE = "inspection/station-1"
PICTURES = 64
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Memory:
    """The resources of a process: resident kilobytes, threads, open files."""

    kilobytes: int
    threads: int
    files: int

    def __str__(self) -> str:
        return f"{self.kilobytes / 1024:.1f} MB, {self.threads} threads, {self.files} files"


@dataclass
class Report:
    """The subscriber's account; all of ``wrong`` must be empty."""

    activations: int = 0
    parts: int = 0
    by_model: Counter[str] = field(default_factory=Counter)
    answer_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    quiet_latency_ms: list[float] = field(default_factory=list)
    memory: list[tuple[int, Memory]] = field(default_factory=list)
    dropped: int = 0
    wrong: list[str] = field(default_factory=list)


class Client:
    """Sends commands, and keeps every verdict and answer."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.verdicts: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.statuses: list[dict[str, Any]] = []
        self.stats: dict[str, Any] = {}
        self.parts: set[str] = set()
        self._came = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{BASE}/#", qos=1)
        self._client.on_message = self._take
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        content = json.loads(message.payload)
        with self._came:
            match message.topic.rsplit("/", 1)[-1]:
                case "verdict":
                    self.verdicts.append(content)
                    self.parts.add(content["part"])
                case "response":
                    self.answers[content["id"]] = content
                case "status":
                    self.statuses.append(content)
                case "stats":
                    self.stats = content
            self._came.notify_all()

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Tell the station something."""
        self._client.publish(f"{BASE}/{kind}", json.dumps(content), qos=1)

    def wait_for(self, what: str, seconds: float = PATIENCE_S) -> None:
        """Until that is the state, or that command is answered, or that part judged; raises TimeoutError."""
        conditions = {
            "running": lambda: any(s["state"] == "running" for s in self.statuses),
            "ready": lambda: any(s["state"] == "ready" for s in self.statuses),
            "stopped": lambda: bool(self.statuses) and self.statuses[-1]["state"] == "stopped",
        }
        condition = conditions.get(what, lambda: what in self.answers or what in self.parts)
        with self._came:
            if not self._came.wait_for(condition, seconds):
                raise TimeoutError(f"{what}: not within {seconds:g} s")

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def campaign(
    activations: int,
    *,
    rate: float,
    folder: Path,
    broker: MosquittoBroker,
    votes: int = 1,
    quiet_s: float = 10.0,
) -> Report:
    """Activate so many times on a running station, as fast as it answers, and look at every part.

    For ``quiet_s`` nothing is activated first. With several ``votes`` parts are triggered by messages, and
    the mean of so many frames decides: of one and the same picture, so that it tells of two judges.
    """
    pictures = _draw(folder / "parts", PICTURES if votes == 1 else 1, rate * (PATIENCE_S + 0.3 * activations))
    bundles = _bundles(folder / "bundles")
    expected = {sha256: _scores(folder / "bundles" / name, pictures) for name, sha256 in bundles}
    client = Client(broker)
    station = _start(folder, broker, rate, votes)
    report, stop = Report(), threading.Event()
    try:
        client.wait_for("running" if votes == 1 else "ready")
        triggers = threading.Thread(target=_trigger, args=(client, stop))
        if votes > 1:
            triggers.start()
        time.sleep(quiet_s)
        begin = datetime.now(UTC)
        _activate(activations, bundles, report, client, station.pid)
        stop.set()
        if votes > 1:
            triggers.join()
    finally:
        station.send_signal(signal.SIGTERM)
        station.wait(PATIENCE_S)
    client.wait_for("stopped")
    client.close()
    _judge(report, client, expected, begin)
    return report


def _activate(
    activations: int, bundles: list[tuple[str, str]], report: Report, client: Client, station: int
) -> None:
    """The bundles in turn, each as soon as the one before it is answered."""
    for number, (name, sha256) in zip(range(activations), itertools.cycle(bundles), strict=False):
        if number % max(1, activations // 10) == 0:
            report.memory.append((number, _memory(station)))
        begun = time.monotonic()
        client.send("command", {"id": str(number), "command": "activate", "bundle": name, "sha256": sha256})
        client.wait_for(str(number))
        report.answer_ms.append((time.monotonic() - begun) * 1000)
        answer = client.answers[str(number)]
        if not answer["done"] or answer["bundle_sha256"] != sha256:
            report.wrong.append(f"activation {number}: {answer}")
        report.activations += 1
    report.memory.append((activations, _memory(station)))


def _judge(report: Report, client: Client, expected: dict[str, dict[str, float]], begin: datetime) -> None:
    """Every part once and in order, each with the score that its bundle gives its picture."""
    report.parts = len(client.verdicts)
    report.dropped = client.stats.get("frames_dropped", -1)
    sequence = [verdict["sequence"] for verdict in client.verdicts]
    if sequence != list(range(len(sequence))):
        report.wrong.append("a part is missing, or came twice")
    for verdict in client.verdicts:
        report.by_model[verdict["bundle_sha256"]] += 1
        is_quiet = datetime.fromisoformat(verdict["captured_at"]) < begin
        (report.quiet_latency_ms if is_quiet else report.latency_ms).append(verdict["latency_ms"])
        picture = Path(verdict["source"] or "none-none").stem.split("-")[1]
        score = expected[verdict["bundle_sha256"]].get(picture)
        if score is None or verdict["verdict"] == "fault" or abs(verdict["score"] - score) > 1e-9:
            report.wrong.append(f"expected {score}: {verdict}")


def _trigger(client: Client, stop: threading.Event) -> None:
    """Parts by message, each when the one before it has its verdict."""
    for number in itertools.count():
        if stop.is_set():
            return
        client.send("trigger", {"part": f"A-{number}"})
        client.wait_for(f"A-{number}")


def _draw(folder: Path, pictures: int, parts: float) -> dict[str, Any]:
    """So many parts as files, each of a few pictures many times; returns the pictures by name."""
    folder.mkdir(parents=True)
    renderer = PartRenderer(seed=99, defect_rate=0.5)
    drawn = {f"{number:03d}": renderer.render(number).image for number in range(pictures)}
    for name, image in drawn.items():
        (folder / f"0000000-{name}.png").write_bytes(encode_png(image))
    for number in range(1, int(parts) // pictures + 2):
        for name in drawn:
            (folder / f"{number:07d}-{name}.png").hardlink_to(folder / f"0000000-{name}.png")
    return drawn


def _bundles(folder: Path) -> list[tuple[str, str]]:
    """Name and hash of the demo's bundle, and of the same that means the opposite."""
    data = DEMO.read_bytes()
    bundle = decode_bundle(data, "demo")
    manifest = bundle.manifest.model_copy(update={"output": Output(one_means="ok")})
    turned = encode_bundle(manifest, bundle.flatbuffer, bundle.golden_inputs)
    stored = []
    for name, content in (("turned.tflite", turned), ("demo.tflite", data)):
        write_bundle(folder / name, content)
        stored.append((name, hashlib.sha256(content).hexdigest()))
    return stored


def _scores(bundle: Path, pictures: dict[str, Any]) -> dict[str, float]:
    model = load_model(bundle)
    spec = model.bundle.manifest.input
    return {name: model.predict(preprocess(image, spec)).score for name, image in pictures.items()}


def _start(folder: Path, broker: MosquittoBroker, rate: float, votes: int) -> "subprocess.Popen[bytes]":
    bundles = folder / "bundles"
    arguments = {
        "config": "/dev/null", "model": bundles / "demo.tflite", "model.folder": bundles,
        "camera.kind": "file", "camera.path": folder / "parts",
        "camera.replay_fps": rate, "camera.queue": 100,
        # A busy machine must make no faults here.
        "camera.max_age_ms": 5000, "gate.travel_ms": 6000, "gate.max_parts": 10000,
        "gate.min_gap_ms": 0.01, "gate.window_ms": 0.01,
        "mqtt.port": broker.port, "journal.path": folder / "state" / "journal.sqlite",
        "log.level": "warning",
    }  # fmt: skip
    if votes > 1:
        arguments |= {"trigger.kind": "message", "trigger.frames": votes, "trigger.vote": "mean"}
        arguments |= {"trigger.timeout_ms": 4000}
    flags = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
    return subprocess.Popen([sys.executable, "-m", "edge", *flags], cwd=ROOT)


def _memory(process: int) -> Memory:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line
    )
    files = sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())
    return Memory(int(status["VmRSS"].split()[0]), int(status["Threads"]), files)


def main(argv: list[str] | None = None) -> int:
    """Run the campaign and print what came of it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench-activate", description=__doc__)
    parser.add_argument("--activations", type=int, default=1000, help="default: 1000")
    parser.add_argument("--rate", type=float, default=100, help="frames a second (default: 100)")
    parser.add_argument("--votes", type=int, default=1, help="frames of a part that vote (default: 1)")
    arguments = parser.parse_args(argv)
    program = find_mosquitto()
    if program is None:
        print("bench-activate: mosquitto is not installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="linegate-") as name:
        broker = MosquittoBroker(program, Path(name) / "broker")
        broker.start()
        try:
            report = campaign(
                arguments.activations, rate=arguments.rate, folder=Path(name), broker=broker,
                votes=arguments.votes,
            )  # fmt: skip
        finally:
            broker.stop()
    _print(report)
    return 1 if report.wrong or report.dropped else 0


def _print(report: Report) -> None:
    print(f"{report.activations} activations; {report.parts} parts, {report.dropped} frames dropped")
    print(f"judged by each bundle: {', '.join(str(count) for count in report.by_model.values())}")
    for what, values in (
        ("command to answer", report.answer_ms),
        ("capture to decision", report.latency_ms),
        ("the same before", report.quiet_latency_ms),
    ):
        p50, p99 = np.percentile(values, [50, 99])
        print(f"{what:<19} ms: p50 {p50:.1f}, p99 {p99:.1f}, max {max(values):.1f}, of {len(values)}")
    for number, memory in report.memory:
        print(f"after {number:>5}: {memory}")
    print(f"wrong: {len(report.wrong)}")
    for text in report.wrong[:10]:
        print(f"  {text}")


if __name__ == "__main__":
    sys.exit(main())
