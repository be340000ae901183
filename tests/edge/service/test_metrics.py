"""Metrics for Prometheus."""

import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.core.measure import measures
from edge.inspection.statistics import LATENCY_BOUNDS_MS
from edge.outputs.mqtt.messages import StatsMessage
from edge.outputs.statistics import StationStatistics
from edge.service import metrics
from edge.service.metrics import MetricsServer, StationCollector
from edge.service.readings import Latencies, Readings, temperatures
from edge.service.statistics_document import statistics_document
from edge.settings.metrics import MetricsSettings
from testing.waiting import wait_for
from tests.edge.outputs.made_statistics import statistics

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "statistics.md"

READINGS = Readings(
    statistics(),
    station={"station": "left", "bundle_sha256": "abc"},
    state="running",
    latency_seconds=Latencies([*range(len(LATENCY_BOUNDS_MS)), 20], 1500.0),
    frame_age_seconds=0.25,
    camera_openings=3,
    broker_connected=True,
    broker_connections=2,
    temperature_celsius={("thermal_zone0", "cpu-thermal"): 48.25},
)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"linegate_{name}", frozenset(labels.items())]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def server(port: int) -> Iterator[MetricsServer]:
    server = MetricsServer(MetricsSettings(port=port), StationCollector(lambda: READINGS))
    yield server
    server.stop()


def read(port: int) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                return str(answer.read().decode())
        except ConnectionRefusedError:
            continue
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            threading.Event().wait(0.1)
    raise AssertionError("nobody answers")


def test_prometheus_reads_everything(server: MetricsServer, port: int) -> None:
    server.start()
    seen = parse(read(port))
    assert sample(seen, "verdicts_total", verdict="defect") == 2
    assert sample(seen, "latency_seconds_bucket", le="0.005") == 2
    assert sample(seen, "latency_seconds_bucket", le="+Inf") == 20
    assert sample(seen, "latency_seconds_sum") == 1.5
    assert sample(seen, "state", state="running") == 1
    assert sample(seen, "state", state="fault") == 0
    assert sample(seen, "station_info", station="left", bundle_sha256="abc") == 1
    assert sample(seen, "frame_age_seconds") == 0.25
    assert sample(seen, "camera_openings_total") == 3
    assert sample(seen, "broker_connected") == 1
    assert sample(seen, "broker_connections_total") == 2
    assert sample(seen, "outbox") == 12
    assert sample(seen, "frames_dropped_total") == 6
    assert sample(seen, "alarms") == 2
    assert sample(seen, "archive_written_total") == 16
    assert sample(seen, "shadow_pairs_total", verdicts="ok/ok") == 22
    assert sample(seen, "temperature_celsius", zone="thermal_zone0", kind="cpu-thermal") == 48.25
    assert ("process_resident_memory_bytes", frozenset()) in seen


def test_what_is_not_there_is_no_metric() -> None:
    empty = replace(READINGS, statistics=statistics(archive=None, shadow=None, written_bytes_hour=None))
    named = {family.name for family in StationCollector(lambda: empty).collect()}
    assert "linegate_outbox" in named
    assert not any(word in name for name in named for word in ("archive", "shadow", "written_bytes"))


def test_statistics_metrics_and_their_page_are_one() -> None:
    """Every number of …/stats is on the page; every metric too, with the kind that Prometheus is told."""
    page = PAGE.read_text("utf-8")
    assert page == statistics_document(), "`make schemas` writes it again"
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    message = StatsMessage.model_json_schema()
    parts = [message, *message["$defs"].values()]
    described = {
        text["description"] for part in parts for text in part["properties"].values() if "description" in text
    }
    for path, measure in measures(StationStatistics):
        assert measure.meaning in described
        assert any(row.startswith(f"| `{'.'.join(path)}` |") for row in rows), path
    for family in StationCollector(lambda: READINGS).collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        (row,) = [row for row in rows if re.search(rf"`{name}(_info)?[`{{]", row) and "instead" not in row]
        assert f"| {family.type} |" in row


def test_sensors_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    for name, kind, temperature in (
        ("thermal_zone0", "cpu-thermal", "48250\n"),
        ("thermal_zone1", "gpu", ""),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
        (tmp_path / name / "temp").write_text(temperature)
    assert temperatures(tmp_path) == {("thermal_zone0", "cpu-thermal"): 48.25}


def test_a_reader_that_says_nothing_is_hung_up_on(
    server: MetricsServer, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "READER_S", 0.2)
    server.start()
    read(port)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
        assert "linegate_verdicts_total" in read(port)
        assert silent.recv(1) == b""


def test_readers_that_say_nothing_or_speak_slowly_hold_up_nobody_and_are_few(
    server: MetricsServer, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "READER_S", 1000.0)
    server.start()
    read(port)
    threads = threading.active_count()
    with ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(50)
        ]
        for reader in idle[::2]:
            with suppress(OSError):  # it was hung up on
                reader.sendall(b"GET /metr")
        assert "linegate_verdicts_total" in read(port)
        assert idle[0].recv(1) == b"", "the oldest made room"
        wait_for(lambda: threading.active_count() <= threads + metrics.MOST_READERS)


def test_a_port_that_is_taken_is_said_once_and_waited_for(
    server: MetricsServer, port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "AGAIN_S", 0.01)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        server.start()
        while not caplog.records:
            threading.Event().wait(0.01)
    assert "linegate_state" in read(port)
    assert len([record for record in caplog.records if "cannot be served" in record.getMessage()]) == 1
