"""What Prometheus may read: http://127.0.0.1:PORT/metrics, with `metrics.port` set.

A few threads answer readers, one at a time, from counts that are there anyway: they take no lock that the
line holds for long, and ask no database. Readers that say nothing, or take nothing, delay nobody: where all
the threads are taken, the connection that has been there longest makes room for the new one.
"""

import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

from prometheus_client import CollectorRegistry, MetricsHandler, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    UnknownMetricFamily,
)
from prometheus_client.registry import Collector

from edge.core.once import Once
from edge.core.state import State
from edge.inspection.statistics import LATENCY_BOUNDS_MS
from edge.outputs.mqtt.messages import StatsMessage
from edge.service.readings import Readings
from edge.settings.metrics import MetricsSettings

logger = logging.getLogger(__name__)

THERMAL = Path("/sys/class/thermal")
GAUGES = {"parts_in_flight", "outbox", "written_bytes_hour", "alarms", "archive_bytes"}
COUNTERS = {
    "frames_dropped", "commands_sent", "commands_unsent", "parts_too_close", "parts_too_many",
    "passes_not_withheld", "rejects_unconfirmed", "bin_unexpected", "messages_refused", "records_dropped",
    "records_unwritten", "archive_written", "archive_dropped", "shadow_scored", "shadow_disagreed",
    "shadow_dropped",
}  # fmt: skip
_READER_S = 5.0  # a reader that says nothing for so long is hung up on
_AGAIN_S = 5.0
_MOST_READERS = 16


class StationCollector(Collector):
    """Turns readings into metrics, anew for each reader."""

    def __init__(self, read: Callable[[], Readings], *, thermal: Path = THERMAL) -> None:
        self._read = read
        self._thermal = thermal

    def collect(self) -> Iterator[Metric]:
        """All metrics; their names begin with linegate_."""
        now = self._read()
        yield InfoMetricFamily("linegate_station", "what decides here", value=dict(now.info))
        state = GaugeMetricFamily("linegate_state", "1 for the state that it is in", labels=["state"])
        for name in get_args(State):
            state.add_metric([name], float(name == now.state))
        yield state
        verdicts = CounterMetricFamily("linegate_verdicts", "inspected parts", labels=["verdict"])
        for verdict, count in now.verdicts.items():
            verdicts.add_metric([verdict], count)
        yield verdicts
        yield _latency(now)
        yield from _camera_and_broker(now)
        for key, value in now.counts.items():
            yield _count(key, value)
        yield _temperatures(self._thermal)


def _latency(now: Readings) -> Metric:
    bounds = [f"{bound / 1000:g}" for bound in LATENCY_BOUNDS_MS] + ["+Inf"]
    return HistogramMetricFamily(
        "linegate_latency_seconds",
        "from the trigger, or the capture, to the decision",
        buckets=list(zip(bounds, now.latency_buckets, strict=True)),
        sum_value=now.latency_sum_ms / 1000,
    )


def _camera_and_broker(now: Readings) -> Iterator[Metric]:
    if now.frame_age_s is not None:
        yield GaugeMetricFamily(
            "linegate_frame_age_seconds", "since the latest frame was taken", value=now.frame_age_s
        )
    yield CounterMetricFamily(
        "linegate_camera_openings", "how often the camera was opened", value=now.camera_openings
    )
    yield GaugeMetricFamily("linegate_broker_connected", "1 with a broker", value=float(now.broker_connected))
    yield CounterMetricFamily(
        "linegate_broker_connections", "how often the broker accepted it", value=now.broker_connections
    )


def _count(key: str, value: float) -> Metric:
    """A number of …/stats; one that we don't know is passed on as it is."""
    described = StatsMessage.model_fields.get(key)
    text = (described.description if described else None) or key.replace("_", " ")
    name = f"linegate_{key}"
    if key in COUNTERS:
        return CounterMetricFamily(name, text, value=value)
    if key in GAUGES:
        return GaugeMetricFamily(name, text, value=value)
    return UnknownMetricFamily(name, text, value=value)


def _temperatures(folder: Path) -> Metric:
    """Every thermal zone that can be read now, by its kind."""
    metric = GaugeMetricFamily("linegate_temperature_celsius", "of the device", labels=["zone", "kind"])
    for zone in sorted(folder.glob("thermal_zone*")):
        try:
            degrees = int((zone / "temp").read_text()) / 1000
            metric.add_metric([zone.name, (zone / "type").read_text().strip()], degrees)
        except (OSError, ValueError):
            continue  # a sensor that sleeps
    return metric


class _Server(ThreadingHTTPServer):
    """Serves at most ``_MOST_READERS``, of which the oldest goes first; says nothing of those that leave."""

    timeout = 0.5
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self._readers: deque[socket.socket] = deque()
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread, for which there is room or is made some."""
        with self._lock:
            if len(self._readers) >= _MOST_READERS:
                with suppress(OSError):  # it went by itself
                    self._readers.popleft().shutdown(socket.SHUT_RDWR)
            self._readers.append(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Hang up, when it was answered or is not worth it."""
        with self._lock, suppress(ValueError):  # it made room for another
            self._readers.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  its signature
        """A reader who cannot be answered is that reader's trouble."""
        logger.debug("metrics: %s was not answered", client_address, exc_info=True)


class _OneAtATime(CollectorRegistry):
    """However many ask, one thread at most takes time from the line."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        with self._turn:
            collected = list(super().collect())
        yield from collected


class MetricsServer:
    """Serves a collector on a thread of its own; while the port is taken, it tries again and again."""

    def __init__(self, settings: MetricsSettings, collector: Collector) -> None:
        self._address = (settings.address, settings.port)
        self._registry = _OneAtATime()
        self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; nobody waits for a reader who is being answered."""
        self._stop.set()

    def _run(self) -> None:
        handler = type("Handler", (MetricsHandler,), {"registry": self._registry, "timeout": _READER_S})
        said = Once()
        while not self._stop.is_set():
            try:
                with _Server(self._address, handler) as server:
                    logger.info("metrics: http://%s:%d/metrics", *self._address)
                    while not self._stop.is_set():
                        server.handle_request()
            except OSError as error:
                if said.is_new(str(error)):
                    logger.error(
                        "metrics: cannot be served at %s:%d (%s); trying again", *self._address, error
                    )
                self._stop.wait(_AGAIN_S)
