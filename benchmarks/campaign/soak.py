"""Hours at 50 parts a second: what the daemon holds, and how fast it is, minute by minute."""

import csv
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks.campaign.daemon import footprint, start
from testing.brokers import MosquittoBroker

PATIENCE_S = 60.0
WARM_UP_SHARE = 0.1
# Bounds so small that the journal is trimmed and the archive makes room all the time.
BOUNDS = ("--journal.max_rows", "10000", "--archive.max_mb", "5", "--archive.min_free_mb", "0")
MIXED = ("--recipe.ok_below", "0.5", "--recipe.defect_from", "0.5")
SERIES = (
    *("rss_mb", "threads", "files", "state_mb"),
    *("decided_p50_ms", "decided_p99_ms", "arrived_p50_ms", "arrived_p99_ms"),
)


@dataclass(frozen=True)
class Sample:
    """One minute; ``decided`` is from the part seen to its verdict, ``arrived`` to the subscriber."""

    minute: float
    verdicts: int
    faults: int
    rss_mb: float
    threads: int
    files: int
    state_mb: float
    decided_p50_ms: float
    decided_p99_ms: float
    arrived_p50_ms: float
    arrived_p99_ms: float
    machine_load: float


@dataclass(frozen=True)
class Slope:
    """The change of a series an hour after the warm-up, with its 95 % interval; ``mean`` is its level."""

    name: str
    mean: float
    per_hour: float
    low: float
    high: float


@dataclass
class SoakResult:
    """Effects of so many hours."""

    samples: list[Sample]
    verdicts: int
    missing: int
    repeated: int
    out_of_order: int


class Tally:
    """A subscriber that keeps no verdict, only counts, and the latencies since it was last asked."""

    def __init__(self, host: str, port: int) -> None:
        self.verdicts = self.repeated = self.out_of_order = 0
        self._next = 0
        self._faults = 0
        self._decided: list[float] = []
        self._arrived: list[float] = []
        self._lock = threading.Lock()
        self._came = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("inspection/+/verdict", qos=1)
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._take
        self._client.connect(host, port)
        self._client.loop_start()
        if not subscribed.wait(10):
            raise TimeoutError("the broker does not answer the subscriber")

    @property
    def missing(self) -> int:
        """Verdicts that later ones overtook, so far."""
        return self._next - self.verdicts

    def take_minute(self) -> tuple[int, list[float], list[float]]:
        """Faults and latencies in ms since the last call: to the decision, to the arrival."""
        with self._lock:
            taken = self._faults, self._decided, self._arrived
            self._faults, self._decided, self._arrived = 0, [], []
        return taken

    def wait_for_first(self, seconds: float) -> None:
        """Until a verdict came; raises TimeoutError."""
        if not self._came.wait(seconds):
            raise TimeoutError("no verdict came")

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        now = datetime.now(UTC)
        verdict = json.loads(message.payload)
        with self._lock:
            if verdict["sequence"] < self._next:
                self.repeated += 1
                return
            self._next = verdict["sequence"] + 1
            self.verdicts += 1
            self._came.set()
            self._faults += verdict["verdict"] == "fault"
            self._decided.append(verdict["latency_ms"])
            captured = datetime.fromisoformat(verdict["captured_at"])
            self._arrived.append((now - captured).total_seconds() * 1000)


def soak(broker: MosquittoBroker, folder: Path, *, hours: float, every_s: float = 60.0) -> SoakResult:
    """Run for so long; each sample is written to ``folder``/soak.csv when it is taken."""
    state = folder / "state"
    tally = Tally(broker.host, broker.port)
    journal = state / "journal.sqlite"
    archive = ("--archive.path", str(state / "archive"))
    daemon = start(broker.port, journal, folder / "edge.log", *MIXED, *BOUNDS, *archive)
    samples: list[Sample] = []
    try:
        tally.wait_for_first(PATIENCE_S)
        began = time.monotonic()
        for number in range(1, max(2, round(hours * 3600 / every_s)) + 1):
            time.sleep(max(0.0, began + number * every_s - time.monotonic()))
            samples.append(_sample(daemon.pid, state, tally, (time.monotonic() - began) / 60))
            write_samples(folder / "soak.csv", samples)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(PATIENCE_S)
    finally:
        daemon.kill()
        daemon.wait()
        tally.close()
    return SoakResult(samples, tally.verdicts, tally.missing, tally.repeated, tally.out_of_order)


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """The samples as a table."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Sample)])
        table.writeheader()
        table.writerows(asdict(sample) for sample in samples)


def read_samples(path: Path) -> list[Sample]:
    """The samples that write_samples wrote."""
    with path.open(newline="") as file:
        return [
            Sample(**{f.name: f.type(row[f.name]) for f in fields(Sample)})  # type: ignore[operator]
            for row in csv.DictReader(file)
        ]


def slopes(samples: Sequence[Sample]) -> list[Slope]:
    """The change of each series, by least squares; the first tenth of the time is a warm-up and left out.

    The interval is Student's, as if minutes were independent of each other.
    """
    from scipy import stats

    kept = samples[int(len(samples) * WARM_UP_SHARE) :]
    hours = np.array([sample.minute for sample in kept]) / 60
    found = []
    for name in SERIES:
        values = np.array([getattr(sample, name) for sample in kept], float)
        if np.ptp(values) == 0:
            found.append(Slope(name, float(values[0]), 0.0, 0.0, 0.0))
            continue
        fit = stats.linregress(hours, values)
        reach = float(stats.t.ppf(0.975, max(1, len(values) - 2)) * fit.stderr)
        slope = float(fit.slope)
        found.append(Slope(name, float(values.mean()), slope, slope - reach, slope + reach))
    return found


def plot(samples: Sequence[Sample], path: Path) -> None:
    """The series over time as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    minutes = [sample.minute for sample in samples]
    panels = {
        "memory, MB": {"resident": "rss_mb"},
        "threads, open files": {"threads": "threads", "files": "files"},
        "part seen to decision, ms": {"median": "decided_p50_ms", "p99": "decided_p99_ms"},
        "part seen to subscriber, ms": {"median": "arrived_p50_ms", "p99": "arrived_p99_ms"},
    }
    figure, axes = plt.subplots(len(panels), 1, figsize=(8, 8), sharex=True, layout="constrained")
    for axis, (title, series) in zip(axes, panels.items(), strict=True):
        for label, name in series.items():
            axis.plot(minutes, [getattr(sample, name) for sample in samples], label=label)
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_ylim(0, 1.2 * axis.get_ylim()[1])
        axis.legend(fontsize=8, loc="lower right")
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _sample(pid: int, state: Path, tally: Tally, minute: float) -> Sample:
    faults, decided, arrived = tally.take_minute()
    held = footprint(pid)
    if not decided:
        raise TimeoutError("no verdict came for a whole sample")
    p50, p99 = np.percentile(decided, [50, 99])
    late50, late99 = np.percentile(arrived, [50, 99])
    return Sample(
        minute=round(minute, 3),
        verdicts=len(decided),
        faults=faults,
        rss_mb=held.memory_mb,
        threads=held.threads,
        files=held.files,
        state_mb=round(_bytes_below(state) / 1e6, 3),
        decided_p50_ms=round(float(p50), 3),
        decided_p99_ms=round(float(p99), 3),
        arrived_p50_ms=round(float(late50), 3),
        arrived_p99_ms=round(float(late99), 3),
        machine_load=round(os.getloadavg()[0], 2),
    )


def _bytes_below(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except FileNotFoundError:  # it goes meanwhile
                continue
    return total
