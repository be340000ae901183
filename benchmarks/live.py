"""`make bench-live`: from the capture of a part to its reject, received by another client of a real broker.

The daemon runs as it is on simulated parts that were drawn before; in the same run a bare loop of resize,
invoke and publish, a process of its own too, sends to the same subscriber at the same rate. Times are of the
one clock of the machine; those of rejects are rounded up by at most a millisecond, for their messages carry
whole ones.
"""

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.core.images import encode_png
from edge.core.interpreter import open_interpreter
from edge.core.runtime import load_model
from edge.simulation.parts import PartRenderer
from testing.brokers import MosquittoBroker, find_mosquitto

BUNDLE = Path(__file__).parents[1] / "samples" / "demo.tflite"
TRAVEL_MS = 500.0
AS_RECOMMENDED = "set_tcp_nodelay true"  # samples/mosquitto/linegate.conf


class Subscriber:
    """Notes how long rejects of the station and messages of the bare loop were under way, in milliseconds."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.station: list[float] = []
        self.bare: list[float] = []
        self.verdicts = 0
        self.decided: list[float] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe([("inspection/#", 1), ("bare", 1)])
        self._client.on_message = self._take
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        now = time.time()
        if message.topic == "bare":
            self.bare.append((now - float(message.payload)) * 1000)
        elif message.topic.endswith("/verdict"):
            self.verdicts += 1
            self.decided.append(json.loads(message.payload)["latency_ms"])
        elif message.topic.endswith("/reject"):
            command = json.loads(message.payload)
            if command["part"] is not None:
                due = datetime.fromisoformat(command["due_at"]).timestamp()
                self.station.append((now - due) * 1000 + TRAVEL_MS)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def bare_loop(host: str, port: int, images: list[Any], rate: float, stop: Event) -> None:
    """Resize, invoke, publish, at the same rate."""
    model = load_model(BUNDLE, threads=1)
    spec = model.bundle.manifest.input
    interpreter: Any = open_interpreter(model.bundle.flatbuffer, threads=1, name="bare")
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    number, due = 0, time.monotonic()
    while not stop.is_set():
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.time()
        small = cv2.resize(
            images[number % len(images)], (spec.width, spec.height), interpolation=cv2.INTER_AREA
        )
        interpreter.set_tensor(entry, np.asarray(small, np.uint8).reshape(1, spec.height, spec.width, 1))
        interpreter.invoke()
        interpreter.get_tensor(output)
        client.publish("bare", f"{begun:.6f}", qos=1)
        number += 1
    client.disconnect()
    client.loop_stop()


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make bench-live", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="default: 60")
    parser.add_argument("--rate", type=float, default=100, help="parts a second (default: 100)")
    arguments = parser.parse_args(argv)
    program = find_mosquitto()
    if program is None:
        print("bench-live: mosquitto is not installed", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="linegate-") as name:
        folder = Path(name)
        count = int(arguments.seconds * arguments.rate)
        images = draw(folder / "parts", count)
        broker = MosquittoBroker(program, folder / "broker", config=AS_RECOMMENDED)
        broker.start()
        subscriber, processes = Subscriber(broker), multiprocessing.get_context("spawn")
        stop = processes.Event()
        bare = processes.Process(
            target=bare_loop, args=(broker.host, broker.port, images, arguments.rate, stop)
        )
        bare.start()
        run_station(folder, broker, arguments.rate)
        stop.set()
        bare.join()
        time.sleep(0.5)
        subscriber.close()
        broker.stop()
    print(f"{count} parts at {arguments.rate:g} a second; {subscriber.verdicts} verdicts received")
    kinds = {
        "capture to decision": subscriber.decided,
        "capture to reject": subscriber.station,
        "bare loop": subscriber.bare,
    }
    for what, values in kinds.items():
        p50, p99 = np.percentile(values, [50, 99])
        print(
            f"{what:<19} {len(values):>7} messages, ms: p50 {p50:.2f}, p99 {p99:.2f}, max {max(values):.2f}"
        )
    return 0


def draw(folder: Path, count: int) -> list[Any]:
    """Parts as files, each of 64 pictures many times; returns the pictures."""
    folder.mkdir()
    renderer = PartRenderer(seed=99, defect_rate=0.5)
    images = [renderer.render(number).image for number in range(64)]
    files = [encode_png(image) for image in images]
    for number in range(64):
        (folder / f"{number:07d}.png").write_bytes(files[number])
    for number in range(64, count):
        (folder / f"{number:07d}.png").hardlink_to(folder / f"{number % 64:07d}.png")
    return images


def run_station(folder: Path, broker: MosquittoBroker, rate: float) -> None:
    """The daemon until all parts went by."""
    gap_ms = min(5.0, 300 / rate)
    subprocess.run(
        [
            *(sys.executable, "-m", "edge", "--config", "/dev/null", "--model", BUNDLE),
            *("--camera.kind", "file", "--camera.path", folder / "parts", "--camera.replay_fps", str(rate)),
            *("--gate.travel_ms", str(TRAVEL_MS), "--gate.min_gap_ms", str(gap_ms)),
            *("--gate.window_ms", str(gap_ms), "--mqtt.port", str(broker.port)),
            *("--journal.path", folder / "journal.sqlite", "--log.level", "warning"),
        ],
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
