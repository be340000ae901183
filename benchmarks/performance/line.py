"""From the capture of a part to its reject, received by another client of a real broker.

The daemon runs as it is on pictures of drawn parts; in the same run a bare loop of decode, resize, invoke and
publish, a process of its own too, sends to the same subscriber at the same rate. Times are of the one clock
of the machine. Commands name it in whole milliseconds, rounded down, which makes them up to one millisecond
too long: half of one is taken off.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.performance.usage import Spent, UsageWatch, usage
from edge.core.images import encode_png
from edge.core.interpreter import open_interpreter
from edge.core.runtime import load_model
from edge.simulation.parts import PartRenderer
from testing.brokers import MosquittoBroker

BUNDLE = Path(__file__).parents[2] / "samples" / "demo.tflite"
AS_RECOMMENDED = "set_tcp_nodelay true"  # samples/mosquitto/linegate.conf
_TRAVEL_MS = 500.0
_ROUNDING_MS = 0.5
_FASTEST = 1000.0  # parts a second that are asked for to see how many are done
_WARM_UP = 20  # parts


@dataclass(frozen=True)
class Way:
    """One of the two: milliseconds from capture to receipt, and what it spent."""

    messages: int
    p50_ms: float
    p99_ms: float
    spent: Spent


@dataclass(frozen=True)
class LineResult:
    """The station and the bare loop beside each other; ``cores``: how many they were held to."""

    rate: float
    cores: int
    offered: int
    verdicts: int
    station: Way
    bare: Way


class Subscriber:
    """Notes how long rejects of the station and messages of the bare loop were under way, in milliseconds."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.station: list[float] = []
        self.bare: list[float] = []
        self.verdicts: list[float] = []
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
            self.verdicts.append(now)
        elif message.topic.endswith("/reject"):
            command = json.loads(message.payload)
            if command["part"] is not None:
                due = datetime.fromisoformat(command["due_at"]).timestamp()
                self.station.append((now - due) * 1000 + _TRAVEL_MS - _ROUNDING_MS)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()


def measure(broker: MosquittoBroker, folder: Path, *, rate: float, seconds: float, cores: int) -> LineResult:
    """Both at the same rate, at the same time."""
    count = max(int(seconds * rate), 4 * _WARM_UP)
    draw(folder / "parts", count)
    subscriber, processes = Subscriber(broker), multiprocessing.get_context("spawn")
    stop = processes.Event()
    bare = processes.Process(
        target=bare_loop, args=(broker.host, broker.port, folder / "parts", rate, cores, stop)
    )
    bare.start()
    assert bare.pid is not None
    bare_watch = UsageWatch(bare.pid, lambda: len(subscriber.bare), after=_WARM_UP)
    station = start_station(folder, broker, rate=rate, cores=cores)
    watch = UsageWatch(station.pid, lambda: len(subscriber.verdicts), after=_WARM_UP)
    station.wait()
    bare_spent, spent = bare_watch.stop(), watch.stop()
    stop.set()
    bare.join()
    time.sleep(0.5)  # what is still under way
    subscriber.close()
    return LineResult(
        rate, cores, count, len(subscriber.verdicts),
        station=_way(subscriber.station, spent), bare=_way(subscriber.bare, bare_spent),
    )  # fmt: skip


def _way(milliseconds: Sequence[float], spent: Spent) -> Way:
    settled = milliseconds[_WARM_UP:]
    p50, p99 = np.percentile(settled, [50, 99])
    return Way(len(settled), float(p50), float(p99), spent)


def saturate(broker: MosquittoBroker, folder: Path, *, parts: int, cores: int) -> tuple[float, float]:
    """Parts a second that the station, and then the bare loop, has done of more than they can do."""
    draw(folder / "parts", parts)
    subscriber, processes = Subscriber(broker), multiprocessing.get_context("spawn")
    start_station(folder, broker, rate=_FASTEST, cores=cores).wait()
    station = _a_second(subscriber.verdicts)
    stop = processes.Event()
    bare = processes.Process(
        target=bare_loop, args=(broker.host, broker.port, folder / "parts", _FASTEST, cores, stop)
    )
    bare.start()
    limit = time.monotonic() + 60
    while len(subscriber.bare) < len(subscriber.verdicts) and time.monotonic() < limit:
        time.sleep(0.05)
    begun, counted = time.monotonic(), len(subscriber.bare)
    time.sleep(5)
    done = (len(subscriber.bare) - counted) / (time.monotonic() - begun)
    stop.set()
    bare.join()
    subscriber.close()
    return station, done


def _a_second(moments: Sequence[float]) -> float:
    settled = moments[_WARM_UP:]
    return (len(settled) - 1) / (settled[-1] - settled[0])


def bare_loop(host: str, port: int, folder: Path, rate: float, cores: int, stop: Event) -> None:
    """Decode, resize, invoke, publish, at this rate or as fast as it goes."""
    os.sched_setaffinity(0, range(cores))
    model = load_model(BUNDLE, threads=1)
    spec = model.bundle.manifest.input
    interpreter: Any = open_interpreter(model.bundle.flatbuffer, threads=1, name="bare")
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(host, port)
    client.loop_start()
    files = sorted(map(str, folder.iterdir()))
    number, due = 0, time.monotonic()
    while not stop.is_set():
        image: Any = cv2.imread(files[number % len(files)], cv2.IMREAD_GRAYSCALE)
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
        begun = time.time()
        small = cv2.resize(image, (spec.width, spec.height), interpolation=cv2.INTER_AREA)
        interpreter.set_tensor(entry, small.reshape(1, spec.height, spec.width, 1))
        interpreter.invoke()
        interpreter.get_tensor(output)
        client.publish("bare", f"{begun:.6f}", qos=1)
        number += 1
    client.disconnect()
    client.loop_stop()


def draw(folder: Path, count: int) -> list[Any]:
    """Parts as files, each of 64 pictures many times; returns the pictures."""
    folder.mkdir(parents=True)
    renderer = PartRenderer(seed=99, defect_rate=0.5)
    images = [renderer.render(number).image for number in range(64)]
    files = [encode_png(image) for image in images]
    for number in range(64):
        (folder / f"{number:07d}.png").write_bytes(files[number])
    for number in range(64, count):
        (folder / f"{number:07d}.png").hardlink_to(folder / f"{number % 64:07d}.png")
    return images


def start_station(
    folder: Path, broker: MosquittoBroker, *, rate: float, cores: int, more: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """The daemon, which ends when all parts went by."""
    gap_ms = min(5.0, 300 / rate)
    return subprocess.Popen(
        [
            *("taskset", "-c", f"0-{cores - 1}", sys.executable, "-m", "edge"),
            *("--config", "/dev/null", "--model", str(BUNDLE)),
            *(
                "--camera.kind",
                "file",
                "--camera.path",
                str(folder / "parts"),
                "--camera.replay_fps",
                str(rate),
            ),
            *("--gate.travel_ms", str(_TRAVEL_MS), "--gate.min_gap_ms", str(gap_ms)),
            *("--gate.window_ms", str(gap_ms), "--mqtt.port", str(broker.port)),
            *("--journal.path", str(folder / "journal.sqlite"), "--log.level", "warning", *more),
        ]
    )


def memory_of_stations(broker: MosquittoBroker, folder: Path, *, counts: Sequence[int]) -> dict[int, float]:
    """Megabytes that so many stations take together, each at ten parts a second, after eight seconds."""
    found = {}
    for count in counts:
        stations = []
        for number in range(count):
            place = folder / f"{count}-{number}"
            draw(place / "parts", 200)
            name = ("--station.name", f"station-{number}")
            stations.append(start_station(place, broker, rate=10, cores=2, more=name))
        time.sleep(8)
        found[count] = sum(usage(station.pid).memory_mb for station in stations)
        for station in stations:
            station.terminate()
        for station in stations:
            station.wait()
    return found


def idle_share(broker: MosquittoBroker, folder: Path, *, seconds: float = 15.0) -> float:
    """The share of a core that a station takes whose camera gives 30 frames a second, and no part comes."""
    draw(folder / "parts", int(30 * (seconds + 10)))
    station = start_station(folder, broker, rate=30, cores=2, more=("--trigger.kind", "message"))
    time.sleep(5)
    before, begun = usage(station.pid), time.monotonic()
    time.sleep(seconds)
    share = (usage(station.pid).cpu_s - before.cpu_s) / (time.monotonic() - begun)
    station.terminate()
    station.wait()
    return share
