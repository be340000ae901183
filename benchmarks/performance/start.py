"""From the start of a process to its first verdict, beside the imports, the load and one invoke."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.performance.line import BUNDLE, draw, start_station
from testing.brokers import MosquittoBroker

_LONGEST_S = 60.0
_BARE = """
import sys
import cv2, numpy
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(model_path=sys.argv[1], num_threads=1)
model.allocate_tensors()
entry, output = model.get_input_details()[0], model.get_output_details()[0]["index"]
image = cv2.imread(sys.argv[2], cv2.IMREAD_GRAYSCALE)
small = cv2.resize(image, entry["shape"][2:0:-1], interpolation=cv2.INTER_AREA)
model.set_tensor(entry["index"], small.reshape(entry["shape"]))
model.invoke()
print(model.get_tensor(output), flush=True)
"""


@dataclass(frozen=True)
class Starts:
    """Median seconds to a verdict: of a daemon with a new bundle, of one that knows it, of a replay, bare."""

    times: int
    first_s: float
    again_s: float
    replay_s: float
    bare_s: float


def measure(broker: MosquittoBroker, folder: Path, *, times: int) -> Starts:
    """Each in turn, so many times; raises TimeoutError where no verdict comes."""
    draw(folder / "parts", 64)
    picture = next((folder / "parts").iterdir())
    one = folder / "one"
    one.mkdir()
    (one / picture.name).write_bytes(picture.read_bytes())
    found = [
        (
            _daemon(broker, folder),
            _daemon(broker, folder, knows_its_bundle=True),
            _command([sys.executable, "-m", "edge", "--replay", str(one), "--model", str(BUNDLE)]),
            _command([sys.executable, "-c", _BARE, str(BUNDLE), str(picture)]),
        )
        for _ in range(times)
    ]
    return Starts(times, *(float(value) for value in np.median(found, axis=0)))


def _command(words: list[str]) -> float:
    """Seconds until its first line."""
    begun = time.monotonic()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        took = time.monotonic() - begun
        process.communicate()
    return took


def _daemon(broker: MosquittoBroker, folder: Path, *, knows_its_bundle: bool = False) -> float:
    if not knows_its_bundle:
        for left in folder.glob("journal.sqlite*"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
    came: list[float] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe("inspection/+/verdict", 1)
    client.on_message = lambda *_: came.append(time.monotonic())
    client.connect(broker.host, broker.port)
    client.loop_start()
    time.sleep(0.2)  # it is subscribed
    begun = time.monotonic()
    station = start_station(folder, broker, rate=100, cores=2)
    while not came and time.monotonic() < begun + _LONGEST_S:
        time.sleep(0.001)
    station.terminate()
    station.wait()
    client.disconnect()
    client.loop_stop()
    if not came:
        raise TimeoutError(f"no verdict within {_LONGEST_S:g} s of the start")
    return came[0] - begun
