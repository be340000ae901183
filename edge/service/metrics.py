"""Metrics for Prometheus: http://127.0.0.1:PORT/metrics, with `metrics.port` set.

A few threads answer readers, one at a time, from counts that are there anyway: they take no lock that the
line holds for long, and ask no database. Readers that say nothing, or take nothing, delay nobody: where all
the threads are taken, the connection that has been there longest makes room for the new one.
"""

import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any, get_args

from prometheus_client import CollectorRegistry, MetricsHandler, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from edge.core.measure import Measure, measures, value_at
from edge.core.once import Once
from edge.core.state import State
from edge.inspection.statistics import LATENCY_BOUNDS_MS
from edge.service.readings import Latencies, Readings, metric_name
from edge.settings.metrics import MetricsSettings

logger = logging.getLogger(__name__)

READER_S = 5.0  # a reader that says nothing for so long is hung up on
AGAIN_S = 5.0
MOST_READERS = 16
_FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


class StationCollector(Collector):
    """Turns readings into metrics, anew for each reader; docs/reference/statistics.md lists them."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """All metrics; their names begin with linegate_."""
        now = self._read()
        yield InfoMetricFamily("linegate_station", "what decides here", value=dict(now.station))
        state = GaugeMetricFamily("linegate_state", "1 for the state that it is in", labels=["state"])
        for name in get_args(State):
            state.add_metric([name], float(name == now.state))
        yield state
        for path, measure in measures(Readings):
            value = value_at(now, path)
            if value is not None:
                yield from _metric(metric_name(path), measure, value)


def _metric(name: str, measure: Measure, value: Any) -> Iterator[Metric]:
    if measure.kind == "histogram":
        yield _histogram(name, measure, value)
    elif measure.kind in _FAMILIES:
        family = _FAMILIES[measure.kind](name, measure.meaning, labels=measure.labels)
        for labels, number in _numbers(value):
            family.add_metric(labels, number)
        yield family


def _numbers(value: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    """Each number with the values of its labels; a list counts as its length."""
    if isinstance(value, Mapping):
        for key, number in value.items():
            yield key if isinstance(key, tuple) else (key,), float(number)
    else:
        yield (), float(len(value) if isinstance(value, list) else value)


def _histogram(name: str, measure: Measure, value: Latencies) -> Metric:
    bounds = [f"{bound / 1000:g}" for bound in LATENCY_BOUNDS_MS] + ["+Inf"]
    return HistogramMetricFamily(
        name,
        measure.meaning,
        buckets=list(zip(bounds, value.counts, strict=True)),
        sum_value=value.sum_ms / 1000,
    )


class _Server(ThreadingHTTPServer):
    """Serves at most ``MOST_READERS``, of which the oldest goes first; says nothing of those that leave."""

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
            if len(self._readers) >= MOST_READERS:
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
        handler = type("Handler", (MetricsHandler,), {"registry": self._registry, "timeout": READER_S})
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
                self._stop.wait(AGAIN_S)
